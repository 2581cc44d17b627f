package configs

import (
	"eomt/data"
	"eomt/data/loader"
)

// OpenOptions say how the configuration opens a split, "train" or "val", of its
// data set. Validation keeps images without annotations, as the official metrics
// count them.
func (c Config) OpenOptions(split string) data.OpenOptions {
	o := data.OpenOptions{Task: c.Task, Root: c.Data.Root, Split: split, Files: c.Data.Train, Shapes: c.Data.Shapes,
		KeepEmpty: c.Data.Augment.KeepEmpty, SkipBad: c.Data.Loader.OnBadSample == loader.Skip, ApplyEXIF: c.Data.EXIF == "apply"}
	if split == "val" {
		o.Files, o.KeepEmpty = c.Data.Val, true
	}
	return o
}
