package configs

import (
	"testing"

	"eomt/data"

	"github.com/google/go-cmp/cmp"
)

// Each key reaches the data set, and the files of a split are its own.
func TestOpenOptions(t *testing.T) {
	c, err := Read(file(t, sound), "data.exif=apply", "data.on_bad_sample=skip", "data.train.annotations=a", "data.val.annotations=b")
	if err != nil {
		t.Fatal(err)
	}
	train := data.OpenOptions{Task: "panoptic", Root: "x", Split: "train", Files: data.Files{Annotations: "a"}, SkipBad: true, ApplyEXIF: true}
	val := train
	val.Split, val.Files, val.KeepEmpty = "val", data.Files{Annotations: "b"}, true
	if diff := cmp.Diff([]data.OpenOptions{train, val}, []data.OpenOptions{c.OpenOptions("train"), c.OpenOptions("val")}); diff != "" {
		t.Error(diff)
	}
	if c, err = Read(file(t, sound), "data.keep_empty=true", "data.format=shapes", "data.shapes.train=3", "data.shapes.size=32"); err != nil {
		t.Fatal(err)
	}
	if o := c.OpenOptions("train"); !o.KeepEmpty || o.ApplyEXIF || o.SkipBad || o.Shapes.Train != 3 {
		t.Errorf("%+v", o)
	}
}
