package coco

import (
	"fmt"
	"path"

	"eomt/data/archive"
)

// Config says where a data set lies. The empty paths mean the layout of COCO
// 2017, unpacked or as the official zips, under Root. Paths are below Root or
// absolute, and may lead through zips as package archive describes.
type Config struct {
	Root  string
	Split string // "train" or "val"

	Images      string // folder of the images
	Annotations string // the JSON file
	Masks       string // panoptic only: folder of the PNG label maps

	// KeepEmpty keeps images without annotations, as the official metrics count
	// them. Training leaves them out, as the reference does.
	KeepEmpty bool
	// SkipBad opens the data set in spite of broken records; the images that
	// they belong to give the error when they are loaded. Else opening fails.
	SkipBad bool
}

// annotations finds the JSON file called name in the official folder or zip.
func (c Config) annotations(name, zip string) (archive.Source, string, error) {
	file := path.Join("annotations", name+".json")
	return archive.FindFile(c.Root, places(c.Annotations, file, zip+"/"+file)...)
}

func (c Config) masks() (archive.Source, error) {
	name := "panoptic_" + c.Split + "2017"
	folder := path.Join("annotations", name)
	return archive.Find(c.Root, places(c.Masks,
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

func (c Config) check() error {
	if c.Split != "train" && c.Split != "val" && (c.Images == "" || c.Annotations == "") {
		return fmt.Errorf("coco: split %q: want train or val, or name the images and the annotations", c.Split)
	}
	return nil
}
