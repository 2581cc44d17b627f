package data

import (
	"errors"
	"fmt"
)

// CompareClasses returns an error unless the class tables of the training and the
// validation split agree row by row in id, name and kind (thing or stuff). The
// model's outputs are numbered by the rows of the training table, so that any
// difference would score them as other classes. Colours may differ.
func CompareClasses(train, val []Class) error {
	for i := range min(len(train), len(val)) {
		if reason := train[i].differs(val[i]); reason != "" {
			return tablesDiffer(train, val, fmt.Sprintf("row %d %s", i, reason))
		}
	}
	switch n := min(len(train), len(val)); {
	case len(train) > n:
		return tablesDiffer(train, val, fmt.Sprintf("row %d, class %d %q, is in the training data only", n, train[n].ID, train[n].Name))
	case len(val) > n:
		return tablesDiffer(train, val, fmt.Sprintf("row %d, class %d %q, is in the validation data only", n, val[n].ID, val[n].Name))
	}
	return nil
}

func tablesDiffer(train, val []Class, first string) error {
	different := max(len(train), len(val))
	for i := range min(len(train), len(val)) {
		if train[i].differs(val[i]) == "" {
			different--
		}
	}
	return errors.New("data: the class tables of training and validation differ in " +
		fmt.Sprintf("%d of %d rows (%d training classes, %d validation classes): %s; ",
			different, max(len(train), len(val)), len(train), len(val), first) +
		"give both splits the same classes, with the same ids, names and kinds")
}

// differs states how a row of the validation table differs from c.
func (c Class) differs(val Class) string {
	kinds := map[bool]string{true: "thing", false: "stuff"}
	switch {
	case c.ID != val.ID:
		return fmt.Sprintf("is class %d %q in training, class %d %q in validation", c.ID, c.Name, val.ID, val.Name)
	case c.Name != val.Name:
		return fmt.Sprintf("is class %d, called %q in training, %q in validation", c.ID, c.Name, val.Name)
	case c.Thing != val.Thing:
		return fmt.Sprintf("is class %d %q, %s in training, %s in validation", c.ID, c.Name, kinds[c.Thing], kinds[val.Thing])
	}
	return ""
}
