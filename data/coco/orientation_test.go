package coco_test

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"eomt/data"
	"eomt/data/coco"
	"eomt/data/decode/exiftest"
)

// The size that the annotation file states is that of the picture as it is read:
// stored, or upright with ApplyEXIF.
func TestOrientation(t *testing.T) {
	for _, test := range []struct {
		apply    bool
		portrait bool // the annotations are of the upright picture
	}{{false, false}, {true, true}, {false, true}, {true, false}} {
		root := tinySet(t)
		path := filepath.Join(root, "train2017", "000000000001.jpg")
		var buf bytes.Buffer
		if err := jpeg.Encode(&buf, image.NewGray(image.Rect(0, 0, 40, 20)), nil); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, exiftest.Orient(buf.Bytes(), 8), 0o644); err != nil {
			t.Fatal(err)
		}
		w, h := 40, 20
		if test.portrait {
			w, h = h, w
		}
		write(t, filepath.Join(root, "annotations", "instances_train2017.json"), fmt.Sprintf(`{"images": [{"id": 1, "file_name": "000000000001.jpg", "width": %d, "height": %d}],
			"categories": [{"id": 3, "name": "a"}], "annotations": [
			{"id": 5, "image_id": 1, "category_id": 3, "segmentation": [[1, 1, 5, 1, 5, 5]]}]}`, w, h))
		set, err := coco.OpenInstance(data.OpenOptions{Root: root, Split: "train", ApplyEXIF: test.apply})
		if err != nil {
			t.Fatal(err)
		}
		defer set.Close()
		s, err := set.Load(0)
		switch {
		case test.apply == test.portrait && (err != nil || s.Image.W != w || s.Orientation != 8):
			t.Errorf("%+v: %v", test, err)
		case test.apply != test.portrait && (err == nil || !strings.Contains(err.Error(), "the image states EXIF orientation 8: set data.exif to")):
			t.Errorf("%+v: %v", test, err)
		}
	}
}
