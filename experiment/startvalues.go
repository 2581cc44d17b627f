package experiment

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"eomt/arch"
	"eomt/checkpoints"
	"eomt/checkpoints/hub"
	"eomt/checkpoints/tensor"
	"eomt/checkpoints/weights"
	"eomt/configs"
	"eomt/data"
)

// StartValues are the parameters that a new run takes from a configuration's weights
// and decoder_weights, by name, to be read before closeFiles is called; none if it
// starts from random values. Those that new_parameters names are omitted. Notes report
// what is loaded, resized and initialised, and whether the weights were trained on other
// classes.
func StartValues(ctx context.Context, c configs.Config, a arch.Architecture, classes []data.Class, o Options) (values map[string]tensor.Tensor,
	closeFiles func() error, err error) {
	s := &startValues{c: c, a: a, classes: classes, o: o, values: map[string]tensor.Tensor{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	var decoders []tensor.Tensor
	if c.DecoderWeights != "" {
		if decoders, err = s.readDecoders(ctx); err != nil {
			return nil, nil, err
		}
	}
	if c.Weights != "" {
		if err := s.readWeights(ctx, tensor.ByName(decoders)); err != nil {
			return nil, nil, err
		}
	}
	for _, t := range decoders {
		s.values[t.Name] = t
	}
	return s.values, s.close, nil
}

// startValues are values by name while they are gathered.
type startValues struct {
	c       configs.Config
	a       arch.Architecture
	classes []data.Class
	o       Options
	values  map[string]tensor.Tensor
	files   []io.Closer
}

func (s *startValues) close() error {
	var errs []error
	for _, file := range s.files {
		errs = append(errs, file.Close())
	}
	return errors.Join(errs...)
}

// isNew reports whether new_parameters names a parameter.
func (s *startValues) isNew(name string) bool { return checkpoints.HasPrefix(s.c.NewParameters)(name) }

// readWeights takes a backbone or a whole network; only a backbone goes with decoders.
func (s *startValues) readWeights(ctx context.Context, decoders map[string]tensor.Tensor) error {
	path, err := FindWeights(ctx, s.c.Weights, hub.Options{}, s.o.Notes, s.o.Watch)
	if err != nil {
		return err
	}
	stored, err := weights.Open(path)
	if err != nil {
		return err
	}
	s.files = append(s.files, stored)
	if len(decoders) > 0 && !stored.Architecture.BackboneOnly() {
		return fmt.Errorf("decoder_weights: weights %s holds a whole network, with decoders of its own: name a backbone's weights, or leave decoder_weights out", path)
	}
	stored.Tensors = slices.DeleteFunc(stored.Tensors, func(t tensor.Tensor) bool { return s.isNew(t.Name) })
	allowNew := s.c.NewParameters
	if stored.Architecture.BackboneOnly() {
		allowNew = slices.Concat(allowNew, s.a.HeadNames())
	}
	if s.a.LoRA.Rank > 0 {
		allowNew = slices.Concat(allowNew, []string{arch.LoRAPrefix})
	}
	fitted, report, err := stored.Fit(s.a, allowNew)
	if err != nil {
		return err
	}
	fresh := slices.DeleteFunc(report.Fresh, func(name string) bool { _, taken := decoders[name]; return taken })
	fmt.Fprintf(s.o.Notes, "weights %s: %d parameters loaded, %d resized, %d initialised at random%s%s\n",
		path, len(fitted), len(report.Reshaped), len(fresh), grouped(fresh), report.Origin())
	if n := stored.Architecture.Classes; n > 0 && s.isNew(arch.ClassWeight) {
		fmt.Fprintf(s.o.Notes, "weights %s: the class head starts from scratch: the weights were trained on %d classes, the data set has %d\n", path, n, len(s.classes))
	}
	if note := otherClasses(stored, s.classes); note != "" && !s.isNew(arch.ClassWeight) {
		fmt.Fprintf(s.o.Notes, "weights %s: %s\n", path, note)
	}
	s.values = tensor.ByName(fitted)
	return nil
}

// readDecoders takes the decoders of a Mask2Former.
func (s *startValues) readDecoders(ctx context.Context) ([]tensor.Tensor, error) {
	path, err := FindWeights(ctx, s.c.DecoderWeights, hub.Options{}, s.o.Notes, s.o.Watch)
	if err != nil {
		return nil, err
	}
	stored, err := weights.OpenDecoders(path)
	if err != nil {
		return nil, err
	}
	s.files = append(s.files, stored)
	fitted, report, err := stored.Fit(s.a, s.c.NewParameters)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(s.o.Notes, "decoder_weights %s: %d parameters loaded, %d of decoders and heads initialised at random%s, %d tensors of its backbone left out\n",
		path, len(fitted), len(report.Fresh), grouped(report.Fresh), stored.Backbone)
	if stored.NewProjections(s.a) {
		w := stored.Widths
		fmt.Fprintf(s.o.Notes, "decoder_weights %s: the projections of the backbone's maps start from scratch: they read maps of %d, %d, %d and %d channels, the network's have %d\n",
			path, w[3], w[2], w[1], w[0], s.a.Width)
	}
	switch {
	case stored.Classes != s.a.Classes || s.isNew(arch.ClassWeight):
		fmt.Fprintf(s.o.Notes, "decoder_weights %s: the class head starts from scratch: the weights were trained on %d classes, the data set has %d\n", path, stored.Classes, s.a.Classes)
	case len(stored.Labels) == len(s.classes):
		if rows := differingClasses(labelled(s.classes, stored.Labels), s.classes); rows != "" {
			fmt.Fprintf(s.o.Notes, "decoder_weights %s: %s%s\n", path, trainedOnOthers, rows+newHead)
		}
	}
	return fitted, nil
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

// The words around the classes that differ.
const (
	trainedOnOthers = "the class head was trained on other classes: "
	newHead         = "; new_parameters: [class_head.] starts the head from random values"
)

// labelled are classes with other names.
func labelled(classes []data.Class, labels []string) []data.Class {
	table := slices.Clone(classes)
	for i := range table {
		table[i].Name = labels[i]
	}
	return table
}

// otherClasses says how the class table of weights differs from the data set's,
// where the class head is taken over; empty if it does not or none is known.
func otherClasses(w *weights.Model, classes []data.Class) string {
	stored := w.Classes
	if stored == nil && len(w.Labels) == len(classes) { // names are all that is known
		stored = labelled(classes, w.Labels)
	}
	if w.Architecture.BackboneOnly() || len(stored) != len(classes) {
		return ""
	}
	if rows := differingClasses(stored, classes); rows != "" {
		return trainedOnOthers + rows + newHead
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
