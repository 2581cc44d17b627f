package weights

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"eomt/arch"
	"eomt/checkpoints"
	"eomt/checkpoints/names"
	"eomt/checkpoints/tensor"
)

// Decoders are pixel decoder, Transformer decoder and heads of a Mask2Former of
// transformers, by our names. They are read from open files until Close.
type Decoders struct {
	Path     string
	Tensors  []tensor.Tensor
	Labels   []string // names of the classes; nil if the folder has none
	Classes  int      // of the class head, without no-object
	Widths   [4]int   // channels of the maps at strides 32, 16, 8 and 4 that it reads
	Backbone int      // tensors of its backbone, which are not among Tensors

	sizes arch.Architecture // of the decoders, queries and classes; all else is zero
	files closers
}

// Close closes the files behind the tensors.
func (d *Decoders) Close() error { return d.files.Close() }

// encoderLevels is the number of maps that the pixel decoder attends to.
const encoderLevels = 3

// Parameters whose shapes show the decoders' sizes, and the projections of the
// backbone's maps.
const (
	firstOffsets   = "pixel.encoder.layers.0.self_attn.sampling_offsets.bias"
	firstEncoderUp = "pixel.encoder.layers.0.fc1.weight"
	firstDecoderUp = "decoder.layers.0.fc1.weight"
)

var (
	mapWeights = [4]string{"pixel.input_projections.0.0.weight", "pixel.input_projections.1.0.weight", "pixel.input_projections.2.0.weight", "pixel.adapter_1.0.weight"}
	mapNames   = append(mapWeights[:], "pixel.input_projections.0.0.bias", "pixel.input_projections.1.0.bias", "pixel.input_projections.2.0.bias")
)

// OpenDecoders opens the folder or file of a Mask2FormerForUniversalSegmentation of
// transformers, whatever its backbone.
func OpenDecoders(path string) (*Decoders, error) {
	s, err := openSource(path)
	if err != nil {
		return nil, fmt.Errorf("weights: open decoders of %s: %w", path, err)
	}
	d := &Decoders{Path: path, files: s.files}
	if err := d.read(s); err != nil {
		return nil, errors.Join(fmt.Errorf("weights: open decoders of %s: %w", path, err), s.files.Close())
	}
	return d, nil
}

func (d *Decoders) read(s *source) error {
	const want = "want a Mask2FormerForUniversalSegmentation of transformers"
	table, ok := names.Detect(s.tensors)
	if !ok {
		return fmt.Errorf("the tensors' names belong to no known format (%s): %s", example(s.tensors), want)
	}
	if table.Format != names.HFMask2Former {
		return fmt.Errorf("the weights are of format %s: %s", table.Format, want)
	}
	reading, err := table.Read(s.tensors)
	if err != nil {
		return err
	}
	if err := withNames(nil, reading); err != nil {
		return err
	}
	d.Tensors, d.Backbone = reading.Tensors, len(reading.Foreign)
	if err := d.measure(); err != nil {
		return err
	}
	config, err := readConfig(s.folder)
	if err != nil || config == nil {
		return err
	}
	d.Labels = config.labels(d.Classes)
	return config.checkDecoders(d.sizes)
}

// measure reads the sizes off the shapes.
func (d *Decoders) measure() error {
	index := tensor.ByName(d.Tensors)
	mismatch := &checkpoints.MismatchError{}
	for _, one := range []struct {
		name string
		rank int
	}{{arch.QueryFeatures, 2}, {arch.ClassWeight, 2}, {firstOffsets, 1}, {firstEncoderUp, 2}, {firstDecoderUp, 2},
		{mapWeights[0], 4}, {mapWeights[1], 4}, {mapWeights[2], 4}, {mapWeights[3], 4}} {
		t, ok := index[one.name]
		if !ok {
			mismatch.Missing = append(mismatch.Missing, one.name)
		} else if len(t.Shape) != one.rank {
			return fmt.Errorf("%v has %d axes, want %d", t, len(t.Shape), one.rank)
		}
	}
	if len(mismatch.Missing) > 0 {
		return mismatch
	}
	d.Classes = index[arch.ClassWeight].Shape[0] - 1
	d.sizes = arch.Architecture{
		Queries: index[arch.QueryFeatures].Shape[0], Classes: d.Classes, DecoderWidth: index[arch.QueryFeatures].Shape[1],
		DecoderHeads:  index[firstOffsets].Shape[0] / (2 * encoderLevels * arch.Points),
		DecoderLayers: count(d.Tensors, "decoder.layers."), DecoderHidden: index[firstDecoderUp].Shape[0],
		EncoderLayers: count(d.Tensors, "pixel.encoder.layers."), EncoderHidden: index[firstEncoderUp].Shape[0],
	}
	for k, name := range mapWeights {
		d.Widths[k] = index[name].Shape[1]
	}
	return nil
}

// checkDecoders fails where a configuration of transformers states decoders that are
// not computed here, or other ones than the tensors show.
func (c *hfConfig) checkDecoders(shown arch.Architecture) error {
	switch {
	case c.Heads != nil && *c.Heads != shown.DecoderHeads:
		return fmt.Errorf("%s says num_attention_heads %d, the tensors have %d", configName, *c.Heads, shown.DecoderHeads)
	case c.PreNorm:
		return fmt.Errorf("%s: pre_norm true is not supported", configName)
	case c.Activation != "" && c.Activation != "relu":
		return fmt.Errorf("%s: activation_function %q is not supported, want relu", configName, c.Activation)
	}
	return nil
}

// Fit gives the tensors, as float32, to a network with pixel decoder. allowNew are
// prefixes of names that start from scratch. The projections of the backbone's maps are
// taken where all four have the network's width, the class head where it has the
// network's classes; both are otherwise among the Loading's Fresh, as is what allowNew
// omits. Decoders or queries of another size are an [arch.IncompatibleError], tensors
// that are missing, left over or of another shape a [checkpoints.MismatchError].
func (d *Decoders) Fit(a arch.Architecture, allowNew []string) ([]tensor.Tensor, Loading, error) {
	fail := func(err error) ([]tensor.Tensor, Loading, error) {
		return nil, Loading{}, fmt.Errorf("weights: fit decoders of %s: %w", d.Path, err)
	}
	if !a.HasPixelDecoder() {
		return fail(fmt.Errorf("network %s has no pixel decoder: %s and %s have one", a.NetworkName(), arch.ViTMask2Former, arch.ViTAdapterMask2Former))
	}
	allowNew = slices.Clone(allowNew)
	if d.NewProjections(a) {
		allowNew = append(allowNew, mapNames...)
	}
	if d.Classes != a.Classes {
		allowNew = append(allowNew, "class_head.")
	}
	isNew := checkpoints.HasPrefix(allowNew)
	if err := a.Compatible(d.architecture(a), isNew); err != nil {
		return fail(err)
	}
	var have []tensor.Tensor
	for _, t := range d.Tensors {
		if !isNew(t.Name) {
			have = append(have, t.AsFloat32())
		}
	}
	want := slices.DeleteFunc(a.Tensors(), func(t arch.Tensor) bool { return !ofDecoders(t.Name) })
	matched, fresh, err := checkpoints.Match(want, have, allowNew)
	if err != nil {
		return fail(err)
	}
	return matched, Loading{Fresh: fresh}, nil
}

// NewProjections reports whether the projections of the backbone's maps start from
// scratch in a network, as they are for maps of other channels.
func (d *Decoders) NewProjections(a arch.Architecture) bool {
	return slices.ContainsFunc(d.Widths[:], func(width int) bool { return width != a.Width })
}

// architecture is a with the sizes of the decoders.
func (d *Decoders) architecture(a arch.Architecture) arch.Architecture {
	s := d.sizes
	a.Queries, a.Classes = s.Queries, s.Classes
	a.DecoderWidth, a.DecoderHeads, a.DecoderLayers, a.DecoderHidden = s.DecoderWidth, s.DecoderHeads, s.DecoderLayers, s.DecoderHidden
	a.EncoderLayers, a.EncoderHidden = s.EncoderLayers, s.EncoderHidden
	return a
}

// ofDecoders reports whether a parameter belongs to pixel decoder, Transformer decoder or heads.
func ofDecoders(name string) bool {
	part, _, _ := strings.Cut(name, ".")
	return slices.Contains([]string{"pixel", "decoder", "class_head", "mask_head"}, part)
}
