package iou

import "eomt/data"

// Mapping says which class, as an index into the class table, a label in a file
// stands for; [NoClass] where it stands for none. A label that is not in the
// mapping is an error.
type Mapping map[uint16]int

// NoClass is the class of labels that are not evaluated: such pixels are ignored in
// ground truth and wrong in predictions.
const NoClass = -1

// NewMapping maps the id of each class to it and the given labels to none.
func NewMapping(classes []data.Class, none ...uint16) Mapping {
	m := make(Mapping, len(classes)+len(none))
	for _, label := range none {
		m[label] = NoClass
	}
	for i, c := range classes {
		m[uint16(c.ID)] = i
	}
	return m
}
