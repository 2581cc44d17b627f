package coco

import (
	"context"
	"fmt"
	"path"

	"eomt/data"
	"eomt/data/archive"
)

// Format is COCO's formats as data.format: coco names them: the layout of COCO
// 2017, unpacked or as the official zips, or the user's own files.
var Format = data.Format{
	Name:         "coco",
	Tasks:        []string{"panoptic", "instance"},
	Keys:         []string{"train", "val"},
	AbsentIsZero: true,
	Open:         Open,
	Published: func(o data.OpenOptions) (int, []data.Class, bool) {
		all, annotated := Images(o.Split)
		switch {
		case o.Files.Annotations != "":
			return 0, nil, false
		case o.Task == "instance" && !o.KeepEmpty:
			return annotated, InstanceClasses(), true
		case o.Task == "instance":
			return all, InstanceClasses(), true
		}
		return all, PanopticClasses(), true
	},
}

// Open opens the instance format for the task "instance" and the panoptic format
// for any other.
func Open(_ context.Context, o data.OpenOptions) (data.DatasetCloser, error) {
	open := OpenPanoptic
	if o.Task == "instance" {
		open = OpenInstance
	}
	set, err := open(o)
	if err != nil {
		return nil, err
	}
	return set, nil
}

// findAnnotations finds the JSON file called name in the official folder or zip.
func findAnnotations(o data.OpenOptions, name, zip string) (archive.Source, string, error) {
	file := path.Join("annotations", name+".json")
	return archive.FindFile(o.Root, places(o.Files.Annotations, file, zip+"/"+file)...)
}

func findImages(o data.OpenOptions) (archive.Source, error) {
	name := o.Split + "2017"
	return archive.Find(o.Root, places(o.Files.Images, name, name+".zip/"+name)...)
}

func findMasks(o data.OpenOptions) (archive.Source, error) {
	name := "panoptic_" + o.Split + "2017"
	folder := path.Join("annotations", name)
	return archive.Find(o.Root, places(o.Files.Masks,
		folder,
		folder+".zip/"+name,
		panopticZip+"/"+folder+".zip/"+name,
		panopticZip+"/"+folder)...)
}

const (
	instanceZip = "annotations_trainval2017.zip"
	panopticZip = "panoptic_annotations_trainval2017.zip"
)

func places(own string, official ...string) []string {
	if own != "" {
		return []string{own}
	}
	return official
}

func checkSplit(o data.OpenOptions) error {
	if o.Split != "train" && o.Split != "val" && (o.Files.Images == "" || o.Files.Annotations == "") {
		return fmt.Errorf("coco: split %q: want train or val, or name the images and the annotations", o.Split)
	}
	return nil
}
