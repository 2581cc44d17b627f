package coco

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"

	"eomt/data"
	"eomt/data/archive"
	"eomt/data/decode"
)

// Dataset is a COCO data set in either format; it is a data.Dataset.
type Dataset struct {
	*document
	options data.OpenOptions
	kept    []int32         // dataset index -> index in document.images
	dropped int             // images left out
	bad     map[int32]error // document image -> why it cannot be loaded
	source  archive.Source  // of the images
	targets targets
}

// targets implements what differs between the formats.
type targets interface {
	// has reports whether the document's image has an annotation.
	has(image int32) bool
	// instances are the image's targets without their masks.
	instances(image int32) []data.Instance
	// load adds the targets of the image to the sample, which has its pixels.
	load(image int32, sample *data.Sample) error
	// faults returns all faults of the image's targets. The sample has its size, and its
	// targets if loaded is set.
	faults(image int32, sample *data.Sample, loaded bool) []error
}

func newDataset(o data.OpenOptions, doc *document, t targets) (*Dataset, error) {
	d := &Dataset{document: doc, options: o, targets: t}
	if err := d.choose(o); err != nil {
		return nil, err
	}
	source, err := findImages(o)
	if err != nil {
		return nil, fmt.Errorf("coco: images: %w", err)
	}
	d.source = source
	if d.dropped > 0 {
		slog.Info("coco: images without annotations are left out", "images", d.dropped, "of", len(d.images), "in", d.path)
	}
	return d, nil
}

// Len returns the number of samples.
func (d *Dataset) Len() int { return len(d.kept) }

// Classes returns the class table in order of ascending category id.
func (d *Dataset) Classes() []data.Class { return slices.Clone(d.classes) }

// Dropped returns how many images without annotations are left out (data.OpenOptions.KeepEmpty).
func (d *Dataset) Dropped() int { return d.dropped }

// Problems returns all broken records of the annotation file, in its order. Without
// data.OpenOptions.SkipBad there are none, because opening fails.
func (d *Dataset) Problems() []error {
	all := make([]error, len(d.problems))
	for i, p := range d.problems {
		all[i] = p.err
	}
	return all
}

// Info returns what the annotation file states about sample i.
func (d *Dataset) Info(i int) data.ImageInfo {
	m := d.images[d.kept[i]]
	return data.ImageInfo{ImageID: m.id, Name: m.name, W: m.w, H: m.h}
}

// Load decodes sample i. Errors name the image's file or the annotation's record;
// broken formats are data.FormatErrors.
func (d *Dataset) Load(i int) (*data.Sample, error) {
	at := d.kept[i]
	if err := d.bad[at]; err != nil {
		return nil, err
	}
	sample, err := d.loadImage(at)
	if err != nil {
		return nil, err
	}
	if err := d.targets.load(at, sample); err != nil {
		return nil, err
	}
	return sample, nil
}

// Instances lists the targets of sample i by the annotation file alone.
func (d *Dataset) Instances(i int) ([]data.Instance, error) {
	at := d.kept[i]
	if err := d.bad[at]; err != nil {
		return nil, err
	}
	return d.targets.instances(at), nil
}

// loadImage makes a sample without targets.
func (d *Dataset) loadImage(at int32) (*data.Sample, error) {
	m := d.images[at]
	raw, err := archive.ReadFile(d.source, m.name)
	if err != nil {
		return nil, fmt.Errorf("coco: image: %w", err)
	}
	s := &data.Sample{ImageID: m.id, Name: d.source.Path(m.name)}
	if err := decode.Into(s, raw, d.options.ApplyEXIF); err != nil {
		return nil, err
	}
	if m.w > 0 && m.h > 0 && (s.Image.W != m.w || s.Image.H != m.h) {
		return nil, &data.FormatError{Path: s.Name, Reason: fmt.Sprintf("has %d x %d pixels (width x height), but %s states %d x %d%s",
			s.Image.W, s.Image.H, d.path, m.w, m.h, s.TurnedHint(m.w, m.h))}
	}
	return s, nil
}

// Faults returns all faults of sample i besides those in Problems: why it cannot be
// loaded, of which Load returns the first reason only, and targets without a mask.
// loaded is Load's result, nil if it failed.
func (d *Dataset) Faults(i int, loaded *data.Sample) []error {
	at := d.kept[i]
	if loaded != nil {
		return d.targets.faults(at, loaded, true)
	}
	var all []error
	sample, err := d.loadImage(at)
	if err != nil {
		m := d.images[at]
		all = append(all, err)
		sample = &data.Sample{Name: d.source.Path(m.name), Image: data.RGB{W: m.w, H: m.h}}
	}
	if sample.Image.W == 0 || sample.Image.H == 0 {
		return all // the targets' size is not known
	}
	return append(all, d.targets.faults(at, sample, false)...)
}

// Close closes the archives. Nothing may be loaded after it.
func (d *Dataset) Close() error {
	err := d.source.Close()
	if c, ok := d.targets.(io.Closer); ok {
		err = errors.Join(err, c.Close())
	}
	return err
}

// choose selects the images that are samples. It fails on broken records unless
// data.OpenOptions.SkipBad is set.
func (d *Dataset) choose(o data.OpenOptions) error {
	d.bad = map[int32]error{}
	for _, p := range d.problems {
		if !o.SkipBad {
			return fmt.Errorf("coco: %w", p.err)
		}
		if p.image != noImage && d.bad[p.image] == nil {
			d.bad[p.image] = p.err
		}
	}
	for i := range d.images {
		at := int32(i)
		if d.byImage[d.images[i].id] != at {
			continue // a duplicate, which is noted as a problem of the first record
		}
		if o.KeepEmpty || d.targets.has(at) || d.bad[at] != nil {
			d.kept = append(d.kept, at)
		} else {
			d.dropped++
		}
	}
	if len(d.kept) == 0 {
		return fmt.Errorf("coco: %w", d.formatError("", "has no image with an annotation (%d without are left out; data.keep_empty: true trains on them)", d.dropped))
	}
	return nil
}
