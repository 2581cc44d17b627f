package folder

import (
	"context"
	"errors"
	"fmt"
	"path"

	"eomt/data"
	"eomt/data/archive"
	"eomt/data/labelmap"
)

// Format is this package's layout as data.format: folder names it.
var Format = data.Format{
	Name:         "folder",
	Tasks:        []string{"semantic"},
	AbsentIsZero: true,
	Open: func(_ context.Context, o data.OpenOptions) (data.DatasetCloser, error) {
		return labelmap.Opened(Open(o))
	},
	Published: func(data.OpenOptions) (int, []data.Class, bool) { return 0, nil, false },
}

// classFile is the name of the class file under Root.
const classFile = "classes.yaml"

// Open opens a data set of semantic labels. A label that the class file does not
// name is an error when its image is loaded.
func Open(o data.OpenOptions) (*labelmap.Dataset, error) {
	table, err := readClasses(o.Root)
	if err != nil {
		return nil, err
	}
	find := func(kind string) (archive.Source, error) {
		place := path.Join(kind, o.Split)
		src, err := archive.Find(o.Root, place, kind+".zip/"+place, kind+".zip/"+o.Split)
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
		KeepConstant: o.KeepEmpty, ApplyEXIF: o.ApplyEXIF, Closers: labelmap.Closers{images, labels}}
	set.Pairs, set.Unmatched, err = labelmap.Match(images, labels, "", ".png", o.SkipBad)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("folder: %w", err), set.Closers.Close())
	}
	return labelmap.New(set)
}

func readClasses(root string) (*Table, error) {
	src, name, err := archive.FindFile(root, classFile)
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
