package labelmap

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path"
	"runtime"
	"slices"
	"strings"

	"eomt/data"
	"eomt/data/archive"
	"eomt/data/decode"
	"eomt/internal/panics"

	"golang.org/x/sync/errgroup"
)

// Pair names an image and its label map, each relative to its source.
type Pair struct{ Image, Labels string }

// Match pairs every image with its label map, whose name is the image's without
// imageEnding (its extension if that is empty) and with labelEnding. Files without an
// image extension are ignored; finding no image is an error. So is an image without a
// label map, unless skipBad defers that error to loading. unmatched are the label
// maps without an image and the images that share one.
func Match(images, labels archive.Source, imageEnding, labelEnding string, skipBad bool) (pairs []Pair, unmatched []error, err error) {
	names, err := images.Names(".")
	if err != nil {
		return nil, nil, err
	}
	used := map[string]bool{}
	for _, name := range names {
		extension := path.Ext(name)
		if !slices.Contains(imageEndings, strings.ToLower(extension)) {
			continue
		}
		p := Pair{name, strings.TrimSuffix(name, cmp.Or(imageEnding, extension)) + labelEnding}
		if !skipBad && !labels.Has(p.Labels) {
			return nil, nil, &data.FormatError{Path: images.Path(name), Reason: "has no label map; looked for " + labels.Path(p.Labels)}
		}
		if used[p.Labels] {
			unmatched = append(unmatched, &data.FormatError{Path: images.Path(name), Reason: "shares its label map with another image: " + labels.Path(p.Labels)})
		}
		pairs = append(pairs, p)
		used[p.Labels] = true
	}
	if pairs == nil {
		return nil, nil, &data.FormatError{Path: images.Path("."), Reason: "has no images (" + strings.Join(imageEndings, ", ") + ")"}
	}
	maps, err := labels.Names(".")
	if err != nil {
		return nil, nil, err
	}
	for _, name := range maps {
		if strings.HasSuffix(name, labelEnding) && !used[name] {
			unmatched = append(unmatched, &data.FormatError{Path: labels.Path(name), Reason: "has no image of its name"})
		}
	}
	return pairs, unmatched, nil
}

var imageEndings = []string{".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp"}

// Reader adds the targets of a pair to a sample that already has its image.
type Reader func(p Pair, s *data.Sample) error

// Config describes a data set that is ready to be read.
type Config struct {
	Images, Labels archive.Source
	Pairs          []Pair
	Unmatched      []error // label maps of no image, images that share one
	Classes        []data.Class
	Read           Reader
	// KeepConstant keeps images whose label map has the same value everywhere;
	// the reference leaves them out, in training and evaluation.
	KeepConstant bool
	ApplyEXIF    bool
	Closers      Closers // closed with the data set, sources included
}

// Closers are closed together.
type Closers []io.Closer

// Close closes all and returns their errors.
func (all Closers) Close() error {
	var errs []error
	for _, c := range all {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}

// Dataset is a data.Dataset of label maps.
type Dataset struct {
	c       Config
	dropped int
}

// New makes the data set, without images whose label map is constant unless
// KeepConstant is set. If it fails, it closes everything.
func New(c Config) (*Dataset, error) {
	d := &Dataset{c: c}
	if !c.KeepConstant {
		varying, err := d.varying()
		if err != nil {
			return nil, errors.Join(err, d.Close())
		}
		d.c.Pairs = varying
		if d.dropped = len(c.Pairs) - len(d.c.Pairs); d.dropped > 0 {
			slog.Info("labelmap: images with constant label maps are left out", "images", d.dropped, "of", len(c.Pairs), "in", c.Images.Path("."))
		}
	}
	if len(d.c.Pairs) == 0 {
		err := &data.FormatError{Path: c.Labels.Path("."), Reason: fmt.Sprintf("all %d label maps are constant", d.dropped)}
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// varying returns the pairs whose label map is not constant.
func (d *Dataset) varying() ([]Pair, error) {
	constant := make([]bool, len(d.c.Pairs))
	if len(constant) > manyMaps {
		slog.Info("labelmap: looking for constant label maps", "maps", len(constant), "in", d.c.Labels.Path("."))
	}
	var workers errgroup.Group
	workers.SetLimit(runtime.GOMAXPROCS(0))
	for i, p := range d.c.Pairs {
		if d.c.Labels.Size(p.Labels) > maxConstantBytes {
			continue
		}
		workers.Go(func() error {
			return panics.Recover(func() error {
				constant[i] = isConstant(d.c.Labels, p.Labels)
				return nil
			})
		})
	}
	if err := workers.Wait(); err != nil {
		return nil, fmt.Errorf("labelmap: %w", err)
	}
	kept := make([]Pair, 0, len(d.c.Pairs))
	for i, p := range d.c.Pairs {
		if !constant[i] {
			kept = append(kept, p)
		}
	}
	return kept, nil
}

// manyMaps is a number of label maps whose reading takes long enough to be logged.
const manyMaps = 1000

// maxConstantBytes is the size of a PNG above which it cannot be constant, for
// any compressed picture of up to 8 megapixels: deflate shrinks a constant to a
// thousandth. So opening need not decode every label map.
const maxConstantBytes = 16 << 10

// isConstant reports whether a label map has one value only. A map that cannot be
// read is left for Load to report.
func isConstant(labels archive.Source, name string) bool {
	raw, err := archive.ReadFile(labels, name)
	if err != nil {
		return false
	}
	values, _, _, err := decode.Labels(raw, name)
	if err != nil || len(values) == 0 {
		return false
	}
	return !slices.ContainsFunc(values, func(v uint16) bool { return v != values[0] })
}

// Len returns the number of samples.
func (d *Dataset) Len() int { return len(d.c.Pairs) }

// Classes returns the class table.
func (d *Dataset) Classes() []data.Class { return slices.Clone(d.c.Classes) }

// Dropped returns how many images were left out for their constant label map.
func (d *Dataset) Dropped() int { return d.dropped }

// Problems returns the label maps that belong to no image and the images that share one.
func (d *Dataset) Problems() []error { return d.c.Unmatched }

// Info returns the name of sample i and its number, from 1, as its id.
func (d *Dataset) Info(i int) data.ImageInfo {
	return data.ImageInfo{ImageID: int64(i + 1), Name: d.c.Pairs[i].Image}
}

// Load decodes sample i; errors name the file.
func (d *Dataset) Load(i int) (*data.Sample, error) {
	s, err := d.loadImage(i)
	if err != nil {
		return nil, err
	}
	if err := d.c.Read(d.c.Pairs[i], s); err != nil {
		return nil, err
	}
	return s, nil
}

// loadImage makes a sample without targets.
func (d *Dataset) loadImage(i int) (*data.Sample, error) {
	name := d.c.Pairs[i].Image
	raw, err := archive.ReadFile(d.c.Images, name)
	if err != nil {
		return nil, fmt.Errorf("labelmap: image: %w", err)
	}
	s := &data.Sample{ImageID: int64(i + 1), Name: d.c.Images.Path(name)}
	return s, decode.Into(s, raw, d.c.ApplyEXIF)
}

// Faults returns the faults of the image of sample i and of its label map; Load
// returns the first only. loaded is Load's result, nil if it failed.
func (d *Dataset) Faults(i int, loaded *data.Sample) []error {
	if loaded != nil {
		return nil
	}
	var all []error
	p := d.c.Pairs[i]
	s, err := d.loadImage(i)
	if err != nil {
		all = append(all, err)
		if s, err = d.withoutImage(p); err != nil {
			return append(all, err)
		}
	}
	if err := d.c.Read(p, s); err != nil {
		all = append(all, err)
	}
	return all
}

// withoutImage makes a sample of the label map's size without pixels and targets.
func (d *Dataset) withoutImage(p Pair) (*data.Sample, error) {
	s := &data.Sample{Name: d.c.Images.Path(p.Image)}
	raw, err := archive.ReadFile(d.c.Labels, p.Labels)
	if err == nil {
		_, s.Image.W, s.Image.H, err = decode.Labels(raw, d.c.Labels.Path(p.Labels))
	}
	return s, err
}

// Instances lists the targets of sample i by its label maps alone.
func (d *Dataset) Instances(i int) ([]data.Instance, error) {
	p := d.c.Pairs[i]
	s, err := d.withoutImage(p)
	if err != nil {
		return nil, err
	}
	if err := d.c.Read(p, s); err != nil {
		return nil, err
	}
	return s.Instances, nil
}

// Close closes the archives. Nothing may be loaded after it.
func (d *Dataset) Close() error { return d.c.Closers.Close() }

// Opened converts New's result to that of a format's Open: an interface that is nil
// if opening failed.
func Opened(d *Dataset, err error) (data.DatasetCloser, error) {
	if err != nil {
		return nil, err
	}
	return d, nil
}
