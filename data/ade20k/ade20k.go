package ade20k

import (
	"context"
	"errors"
	"fmt"
	"path"

	"eomt/data"
	"eomt/data/archive"
	"eomt/data/decode"
	"eomt/data/labelmap"
)

// Format is ADEChallengeData2016 as data.format: ade20k names it.
var Format = data.Format{
	Name:         "ade20k",
	Tasks:        []string{"semantic", "panoptic"},
	AbsentIsZero: true, // sceneparsing at e2022296
	Open: func(_ context.Context, o data.OpenOptions) (data.DatasetCloser, error) {
		open := OpenSemantic
		if o.Task == "panoptic" {
			open = OpenPanoptic
		}
		return labelmap.Opened(open(o))
	},
	Published: func(o data.OpenOptions) (int, []data.Class, bool) { return Images(o.Split), Classes(), true },
}

const top = "ADEChallengeData2016"

// OpenSemantic opens the 150 classes as semantic labels. Label 0 is void.
func OpenSemantic(o data.OpenOptions) (*labelmap.Dataset, error) {
	set, err := open(o)
	if err != nil {
		return nil, err
	}
	set.Read = labelmap.Semantic(set.Labels, classOf, true)
	return labelmap.New(set)
}

// OpenPanoptic opens the panoptic task: each of the 50 stuff classes of the
// semantic map is one target, and so is each instance of the 100 thing classes in
// the instance map, whose red channel is the class and whose green the instance.
// Pixels of a thing class without an instance are void.
func OpenPanoptic(o data.OpenOptions) (*labelmap.Dataset, error) {
	set, err := open(o)
	if err != nil {
		return nil, err
	}
	folder, err := folderOf(o.Split)
	if err != nil {
		return nil, errors.Join(err, set.Closers.Close())
	}
	instances, err := archive.Find(o.Root,
		path.Join("annotations_instance", folder),
		path.Join(top, "annotations_instance", folder),
		path.Join("annotations_instance.zip/annotations_instance", folder))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("ade20k: instances: %w", err), set.Closers.Close())
	}
	set.Closers = append(set.Closers, instances)
	set.Read = func(p labelmap.Pair, s *data.Sample) error { return readPanoptic(set.Labels, instances, p, s) }
	return labelmap.New(set)
}

func folderOf(split string) (string, error) {
	folder, ok := map[string]string{"train": "training", "val": "validation"}[split]
	if !ok {
		return "", fmt.Errorf("ade20k: split %q: want train or val", split)
	}
	return folder, nil
}

// open finds the images and their semantic maps.
func open(o data.OpenOptions) (labelmap.Config, error) {
	folder, err := folderOf(o.Split)
	if err != nil {
		return labelmap.Config{}, err
	}
	find := func(kind string) (archive.Source, error) {
		place := path.Join(top, kind, folder)
		src, err := archive.Find(o.Root, place, top+".zip/"+place, path.Join(kind, folder))
		if err != nil {
			return nil, fmt.Errorf("ade20k: %s: %w", kind, err)
		}
		return src, nil
	}
	images, err := find("images")
	if err != nil {
		return labelmap.Config{}, err
	}
	labels, err := find("annotations")
	if err != nil {
		return labelmap.Config{}, errors.Join(err, images.Close())
	}
	set := labelmap.Config{Images: images, Labels: labels, Classes: Classes(),
		KeepConstant: o.KeepEmpty, ApplyEXIF: o.ApplyEXIF, Closers: labelmap.Closers{images, labels}}
	set.Pairs, set.Unmatched, err = labelmap.Match(images, labels, "", ".png", o.SkipBad)
	if err != nil {
		return labelmap.Config{}, errors.Join(fmt.Errorf("ade20k: %w", err), set.Closers.Close())
	}
	return set, nil
}

// classOf maps a semantic label to its class: 0 is void, i is class i-1.
func classOf(label uint16) int {
	switch {
	case label == 0:
		return labelmap.Void
	case int(label) <= len(classes):
		return int(label) - 1
	}
	return labelmap.Unknown
}

// stuffOf is classOf without the things, which come from the instance map.
func stuffOf(id uint32) int {
	class := classOf(uint16(id))
	if class >= 0 && classes[class].Thing {
		return labelmap.Void
	}
	return class
}

// thingOf maps a pixel of the instance map, red + 256 green, to its class.
func thingOf(id uint32) int {
	class, instance := id&0xff, id>>8
	switch {
	case class == 0 || instance == 0:
		return labelmap.Void
	case int(class) <= len(thingLabel):
		return int(thingLabel[class-1]) - 1
	}
	return labelmap.Unknown
}

func readPanoptic(labels, instances archive.Source, p labelmap.Pair, s *data.Sample) error {
	stuff, err := labelmap.ReadLabels(labels, p.Labels, s, true)
	if err != nil {
		return err
	}
	raw, err := archive.ReadFile(instances, p.Labels)
	if err != nil {
		return fmt.Errorf("ade20k: instances: %w", err)
	}
	file := instances.Path(p.Labels)
	ids, w, h, err := decode.IDs(raw, file)
	if err != nil {
		return err
	}
	for i := range ids {
		ids[i] &= 0xffff // the blue channel is not used
	}
	if ids, err = labelmap.Fit(ids, w, h, s, file, true); err != nil {
		return err
	}
	return labelmap.Paint(s,
		labelmap.Layer{IDs: stuff, Path: labels.Path(p.Labels), ClassOf: stuffOf},
		labelmap.Layer{IDs: ids, Path: file, ClassOf: thingOf})
}
