package experiment

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"eomt/arch"
	"eomt/checkpoints/hub"
	"eomt/checkpoints/tensor"
	"eomt/checkpoints/weights"
	"eomt/configs"
	"eomt/data"
)

// StartValues are the parameters that a new run takes from a configuration's weights,
// by name, to be read before closeFiles is called; none if it starts from random
// values. Those that new_parameters names are omitted. Notes report what is loaded,
// resized and initialised, and whether the weights were trained on other classes.
func StartValues(ctx context.Context, c configs.Config, a arch.Architecture, classes []data.Class, o Options) (values map[string]tensor.Tensor,
	closeFiles func() error, err error) {
	if c.Weights == "" {
		return nil, func() error { return nil }, nil
	}
	path, err := FindWeights(ctx, c.Weights, hub.Options{}, o.Notes, o.Watch)
	if err != nil {
		return nil, nil, err
	}
	stored, err := weights.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, stored.Close())
		}
	}()
	named := func(name string) bool {
		return slices.ContainsFunc(c.NewParameters, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
	}
	stored.Tensors = slices.DeleteFunc(stored.Tensors, func(t tensor.Tensor) bool { return named(t.Name) })
	allowNew := c.NewParameters
	if stored.Architecture.BackboneOnly() {
		allowNew = slices.Concat(allowNew, a.HeadNames())
	}
	if a.LoRA.Rank > 0 {
		allowNew = slices.Concat(allowNew, []string{arch.LoRAPrefix})
	}
	fitted, report, err := stored.Fit(a, allowNew)
	if err != nil {
		return nil, nil, err
	}
	fmt.Fprintf(o.Notes, "weights %s: %d parameters loaded, %d resized, %d initialised at random%s%s\n",
		path, len(fitted), len(report.Reshaped), len(report.Fresh), grouped(report.Fresh), report.Origin())
	if n := stored.Architecture.Classes; n > 0 && named(arch.ClassWeight) {
		fmt.Fprintf(o.Notes, "weights %s: the class head starts from scratch: the weights were trained on %d classes, the data set has %d\n", path, n, len(classes))
	}
	if note := otherClasses(stored, classes); note != "" && !named(arch.ClassWeight) {
		fmt.Fprintf(o.Notes, "weights %s: %s\n", path, note)
	}
	return tensor.ByName(fitted), stored.Close, nil
}

// grouped lists the first parts of names with how many there are, in brackets; empty
// for no names.
func grouped(names []string) string {
	count := map[string]int{}
	var order []string
	for _, name := range names {
		part, _, _ := strings.Cut(name, ".")
		if count[part]++; count[part] == 1 {
			order = append(order, part)
		}
	}
	if names == nil {
		return ""
	}
	for i, part := range order {
		order[i] = fmt.Sprintf("%s %d", part, count[part])
	}
	return " (" + strings.Join(order, ", ") + ")"
}

// otherClasses says how the class table of weights differs from the data set's,
// where the class head is taken over; empty if it does not or none is known.
func otherClasses(w *weights.Model, classes []data.Class) string {
	stored := w.Classes
	if stored == nil && len(w.Labels) == len(classes) { // names are all that is known
		stored = slices.Clone(classes)
		for i := range stored {
			stored[i].Name = w.Labels[i]
		}
	}
	if w.Architecture.BackboneOnly() || len(stored) != len(classes) {
		return ""
	}
	if rows := differingClasses(stored, classes); rows != "" {
		return "the class head was trained on other classes: " + rows + "; new_parameters: [class_head.] starts the head from random values"
	}
	return ""
}

// differingClasses counts the rows in which two class tables of one length differ
// and names the first; empty if there is none.
func differingClasses(stored, classes []data.Class) string {
	differ, first := 0, ""
	for i, class := range classes {
		if s := stored[i]; s.ID != class.ID || s.Name != class.Name || s.Thing != class.Thing {
			if differ++; differ == 1 {
				first = fmt.Sprintf("output %d was %s and is now %s", i, described(s), described(class))
			}
		}
	}
	if differ == 0 {
		return ""
	}
	return fmt.Sprintf("%d of %d differ (%s)", differ, len(classes), first)
}

func described(c data.Class) string {
	kind := "stuff"
	if c.Thing {
		kind = "thing"
	}
	return fmt.Sprintf("class %d %q (%s)", c.ID, c.Name, kind)
}
