package data

import (
	"context"
	"io"
)

// Format describes one data set format to the rest of the program. Each format
// package declares its own, and package formats lists them.
type Format struct {
	Name  string   // the value of data.format
	Tasks []string // those of "panoptic", "instance" and "semantic" that it has targets for
	// Keys are the keys of the configuration's data section that this format
	// reads besides those that all formats read: "train", "val" or "shapes".
	Keys []string
	// AbsentIsZero is the official mIoU's rule for a class without pixels in ground
	// truth and predictions: true counts it as 0, false excludes it from the mean.
	AbsentIsZero bool
	// Open opens one split for one of Tasks.
	Open func(ctx context.Context, o OpenOptions) (DatasetCloser, error)
	// Published returns the number of images and the class table that the authors
	// state for a task and split, so that a run can be planned where the data is
	// not at hand; ok is false if they follow from the user's own files.
	Published func(o OpenOptions) (images int, classes []Class, ok bool)
}

// DatasetCloser is an open data set. Nothing may be loaded after Close.
type DatasetCloser interface {
	Dataset
	io.Closer
}

// OpenOptions select the part of a data set to open, and how.
type OpenOptions struct {
	Task  string // one of Format.Tasks
	Root  string // folder of the data set
	Split string // "train" or "val"
	Files Files  // where the user's own files lie; empty: the official layout
	// Shapes is what to generate where Root is missing; nil: nothing.
	Shapes *Shapes
	// KeepEmpty keeps images without annotations and, of label maps, those with one
	// value everywhere. The official metrics count them; the reference does not
	// train on them.
	KeepEmpty bool
	// SkipBad opens the data set in spite of broken records; loading the affected
	// images then fails. Otherwise opening fails.
	SkipBad bool
	// ApplyEXIF rotates and mirrors images by their EXIF orientation, for annotations
	// made on the upright picture. Otherwise pixels are read as stored, as by the
	// reference implementations and pycocotools.
	ApplyEXIF bool
	// Progress, which may be nil, is called after each generated image, from
	// several goroutines at once.
	Progress func(done, total int)
}

// Files locate a split of the user's own data, below the data set's root or absolute.
// Paths may lead through zips: a.zip/images.
type Files struct {
	Images      string `yaml:"images,omitempty" doc:"Format coco: folder of the split's images, below root or absolute; it may lead through a zip, as a.zip/images." default:"COCO 2017's"`
	Annotations string `yaml:"annotations,omitempty" doc:"Format coco: JSON file of the split, likewise." default:"COCO 2017's"`
	Masks       string `yaml:"masks,omitempty" doc:"Format coco, task panoptic: folder of the label maps, likewise." default:"COCO 2017's"`
}

// Shapes configures a generated data set.
type Shapes struct {
	Train  int    `json:"train" yaml:"train" doc:"Format shapes: training images to generate where root is missing." range:"[0, inf)"`
	Val    int    `json:"val" yaml:"val" doc:"Format shapes: validation images to generate." range:"[0, inf)"`
	Size   int    `json:"size" yaml:"size" doc:"Format shapes: longer side of the images in pixels." range:"[32, 65536]"`
	Seed   uint64 `json:"seed" yaml:"seed" doc:"Format shapes: seed of the images." range:"[0, inf)"`
	Things int    `json:"things,omitempty" yaml:"things,omitempty" doc:"Format shapes: most things in an image, 0 for 5; the more there are, the smaller they are." range:"[0, 90]" default:"5"`
}
