package folder

import (
	"errors"
	"fmt"
	"path"

	"eomt/data/archive"
	"eomt/data/labelmap"
)

// Config says where the data lies.
type Config struct {
	Root  string
	Split string // a folder below images and labels, such as "train" or "val"
	// KeepConstant keeps images whose label map has one value only.
	KeepConstant bool
	// SkipBad opens the data set in spite of images without a label map, which then
	// give the error when they are loaded. Else opening fails.
	SkipBad bool
}

// classFile is the name of the class file under Root.
const classFile = "classes.yaml"

// Open opens a data set of semantic labels. A label that the class file does not
// name is an error when its image is loaded.
func Open(c Config) (*labelmap.Dataset, error) {
	table, err := c.classes()
	if err != nil {
		return nil, err
	}
	find := func(kind string) (archive.Source, error) {
		place := path.Join(kind, c.Split)
		src, err := archive.Find(c.Root, place, kind+".zip/"+place, kind+".zip/"+c.Split)
		if err != nil {
			return nil, fmt.Errorf("folder: %s: %w", kind, err)
		}
		return src, nil
	}
	images, err := find("images")
	if err != nil {
		return nil, err
	}
	labels, err := find("labels")
	if err != nil {
		return nil, errors.Join(err, images.Close())
	}
	set := labelmap.Config{Images: images, Labels: labels, Classes: table.Classes,
		Read:         labelmap.Semantic(labels, table.ClassOf, false),
		KeepConstant: c.KeepConstant, Closers: labelmap.Closers{images, labels}}
	set.Pairs, set.Unused, err = labelmap.Match(images, labels, "", ".png", c.SkipBad)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("folder: %w", err), set.Closers.Close())
	}
	return labelmap.New(set)
}

func (c Config) classes() (*Table, error) {
	src, name, err := archive.FindFile(c.Root, classFile)
	if err != nil {
		return nil, fmt.Errorf("folder: class file: %w", err)
	}
	defer src.Close()
	raw, err := archive.ReadFile(src, name)
	if err != nil {
		return nil, fmt.Errorf("folder: class file: %w", err)
	}
	return ParseClasses(raw, src.Path(name))
}
