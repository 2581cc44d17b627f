package iou

// Mapping says which class, as an index into the class table, a label in a file
// stands for; [NoClass] where it stands for none. A label that is not in the
// mapping is an error.
type Mapping map[uint16]int

// NoClass is the class of labels that are not evaluated: such pixels are left
// out where the ground truth has them, and wrong where the prediction has them.
const NoClass = -1

// ADE20K is the mapping of ADEChallengeData2016 with its 150 classes: label 0
// is none, label i the class i-1.
func ADE20K() Mapping {
	m := Mapping{0: NoClass}
	for i := range 150 {
		m[uint16(i+1)] = i
	}
	return m
}

// Cityscapes is the mapping of Cityscapes' labelIds (0 to 33) to its 19
// evaluated classes.
func Cityscapes() Mapping {
	m := Mapping{}
	for id := range 34 {
		m[uint16(id)] = NoClass
	}
	for class, id := range []uint16{7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33} {
		m[id] = class
	}
	return m
}
