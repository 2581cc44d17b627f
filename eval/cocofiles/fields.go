package cocofiles

import (
	"eomt/data"
	"eomt/data/jsonscan"
)

// missing are the required members of an object that have not been read yet.
type missing []string

func (m missing) found(key string) {
	for i := range m {
		if m[i] == key {
			m[i] = ""
		}
	}
}

// check fails if one is left.
func (m missing) check(s *jsonscan.Scanner, object string) {
	for _, key := range m {
		if key != "" {
			s.Fail("%s has no %q", object, key)
		}
	}
}

// readCrowd reads "iscrowd", whose null is false, as in pycocotools.
func readCrowd(s *jsonscan.Scanner) bool {
	if s.Kind() == 'n' {
		s.Skip()
		return false
	}
	return s.Bool()
}

// readClasses reads "categories", of instance or panoptic files. Names may be
// missing; a class is a thing unless "isthing" says otherwise.
func readClasses(s *jsonscan.Scanner) []data.Class {
	var classes []data.Class
	s.Array(func() {
		class := data.Class{Thing: true}
		need := missing{"id"}
		s.Object(func(key string) {
			if s.Null() {
				return // as if the key were missing
			}
			need.found(key)
			switch key {
			case "id":
				class.ID = int(s.Int())
			case "name":
				class.Name = s.String()
			case "isthing":
				class.Thing = s.Bool()
			default:
				s.Skip()
			}
		})
		need.check(s, "category")
		classes = append(classes, class)
	})
	return classes
}
