package cityscapes

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"

	"eomt/data"
	"eomt/data/archive"
	"eomt/data/labelmap"
)

// Format is Cityscapes' fine annotations as data.format: cityscapes names them.
var Format = data.Format{
	Name:  "cityscapes",
	Tasks: []string{"semantic", "panoptic", "instance"},
	Open: func(_ context.Context, o data.OpenOptions) (data.DatasetCloser, error) {
		open := map[string]func(data.OpenOptions) (*labelmap.Dataset, error){
			"semantic": OpenSemantic, "panoptic": OpenPanoptic, "instance": OpenInstance}[o.Task]
		return labelmap.Opened(open(o))
	},
	Published: func(o data.OpenOptions) (int, []data.Class, bool) {
		if o.Task == "instance" {
			return Images(o.Split), Things(), true
		}
		return Images(o.Split), Classes(), true
	},
}

// OpenSemantic opens the label ids as 19 classes; pixels of other labels are void.
func OpenSemantic(o data.OpenOptions) (*labelmap.Dataset, error) {
	set, err := open(o, "labelIds")
	if err != nil {
		return nil, err
	}
	set.Read = labelmap.Semantic(set.Labels, func(label uint16) int { return classOf(uint32(label), classes[:]) }, true)
	return labelmap.New(set)
}

// OpenPanoptic opens the instance ids as panoptic ground truth, as the official
// conversion does: an id of 1000 or more is an instance of class id/1000, any other a
// whole class, which is a crowd if the class has instances; everything not evaluated
// is void.
func OpenPanoptic(o data.OpenOptions) (*labelmap.Dataset, error) {
	return openInstances(o, Classes())
}

// OpenInstance opens the instance ids as the eight classes that have instances. A
// group of instances is a crowd; everything else is background.
func OpenInstance(o data.OpenOptions) (*labelmap.Dataset, error) { return openInstances(o, Things()) }

func openInstances(o data.OpenOptions, classes []data.Class) (*labelmap.Dataset, error) {
	set, err := open(o, "instanceIds")
	if err != nil {
		return nil, err
	}
	set.Classes = classes
	set.Read = func(p labelmap.Pair, s *data.Sample) error {
		ids, err := labelmap.ReadLabels(set.Labels, p.Labels, s, false)
		if err != nil {
			return err
		}
		return labelmap.Paint(s, instanceLayer(ids, set.Labels.Path(p.Labels), classes))
	}
	return labelmap.New(set)
}

// perClass is the factor between instance ids and label ids.
const perClass = 1000

func instanceLayer(ids []uint32, path string, classes []data.Class) labelmap.Layer {
	return labelmap.Layer{IDs: ids, Path: path,
		ClassOf: func(id uint32) int {
			if id >= perClass {
				id /= perClass
			}
			return classOf(id, classes)
		},
		Crowd: func(id uint32) bool { return id < perClass && classes[classOf(id, classes)].Thing },
	}
}

// classOf maps a label id to its class.
func classOf(id uint32, classes []data.Class) int {
	class := slices.IndexFunc(classes, func(c data.Class) bool { return c.ID == int(id) })
	if class < 0 {
		return labelmap.Void
	}
	return class
}

const imageSuffix = "_leftImg8bit.png"

// open finds the images and their label maps of one kind.
func open(o data.OpenOptions, kind string) (labelmap.Config, error) {
	if o.Split != "train" && o.Split != "val" {
		return labelmap.Config{}, fmt.Errorf("cityscapes: split %q: want train or val", o.Split)
	}
	find := func(dir, zip string) (archive.Source, error) {
		place := path.Join(dir, o.Split)
		src, err := archive.Find(o.Root, place, zip+"/"+place)
		if err != nil {
			return nil, fmt.Errorf("cityscapes: %s: %w", dir, err)
		}
		return src, nil
	}
	images, err := find("leftImg8bit", "leftImg8bit_trainvaltest.zip")
	if err != nil {
		return labelmap.Config{}, err
	}
	labels, err := find("gtFine", "gtFine_trainvaltest.zip")
	if err != nil {
		return labelmap.Config{}, errors.Join(err, images.Close())
	}
	set := labelmap.Config{Images: images, Labels: labels, Classes: Classes(),
		KeepConstant: o.KeepEmpty, ApplyEXIF: o.ApplyEXIF, Closers: labelmap.Closers{images, labels}}
	set.Pairs, set.Unmatched, err = labelmap.Match(images, labels, imageSuffix, "_gtFine_"+kind+".png", o.SkipBad)
	if err != nil {
		return labelmap.Config{}, errors.Join(fmt.Errorf("cityscapes: %w", err), set.Closers.Close())
	}
	return set, nil
}
