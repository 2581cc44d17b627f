package main

import (
	"bytes"
	"errors"
	"image"
	"image/jpeg"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"eomt/data/decode/exiftest"
	"eomt/internal/cli"
	"eomt/internal/cli/clitest"
)

// command runs the command and returns what it printed on standard output.
func command(t *testing.T, args ...string) (string, error) {
	t.Helper()
	return clitest.Output(t, run, args...)
}

// config writes a configuration of the data set in root.
func config(t *testing.T, root string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "c.yaml")
	text := "name: t\ntask: panoptic\nmodel: {size: custom, image: [64, 64]}\n" +
		"data: {format: shapes, root: " + root + "}\ntrain: {total_steps: 1}\n"
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestGenerateThenInspect(t *testing.T) {
	root := filepath.Join(t.TempDir(), "set")
	text, err := command(t, "shapes", "-out", root, "-images", "12", "-seed", "1", "-size", "64")
	if err != nil || !strings.Contains(text, "12 training and 2 validation images") {
		t.Fatalf("%q, %v", text, err)
	}
	pictures := filepath.Join(t.TempDir(), "pictures")
	c := config(t, root)
	text, err = command(t, "inspect", "-config", c, "-split", "train", "-out", pictures)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"shapes panoptic, train: 12 images read, 0 left out, 0 broken, 0 problems", "no problems", "triangle", "sheet.png"} {
		if !strings.Contains(text, part) {
			t.Errorf("the report lacks %q:\n%s", part, text)
		}
	}
	drawn, err := filepath.Glob(filepath.Join(pictures, "sample-*-targets.png"))
	if err != nil || len(drawn) != 8 {
		t.Errorf("%d samples drawn, want 8", len(drawn))
	}

	cut(t, filepath.Join(root, "train2017", "000000000003.jpg"))
	if err := os.Remove(filepath.Join(root, "annotations", "panoptic_train2017", "000000000005.png")); err != nil {
		t.Fatal(err)
	}
	text, err = command(t, "inspect", "-config", c, "-split", "train")
	if err == nil || !strings.Contains(err.Error(), "2 problems") {
		t.Errorf("broken files: %v", err)
	}
	for _, part := range []string{"10 images read", "2 broken, 2 problems", "2 problems in 2 files", "000000000003.jpg (1)", "000000000005.png"} {
		if !strings.Contains(text, part) {
			t.Errorf("the report lacks %q:\n%s", part, text)
		}
	}
}

// All faults of a sample are listed, not only the first, at which loading stops.
func TestEveryFaultIsListed(t *testing.T) {
	root := filepath.Join(t.TempDir(), "set")
	if _, err := command(t, "shapes", "-out", root, "-images", "4", "-size", "64"); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(root, "annotations", "instances_train2017.json")
	text := `{"images": [{"id": 1, "file_name": "000000000001.jpg", "width": 64, "height": 64}, {"id": 2, "file_name": "gone.jpg"}],
		"categories": [{"id": 3, "name": "a"}], "annotations": [
		{"id": 5, "image_id": 1, "category_id": 9, "segmentation": [[1, 1, 5, 1, 5, 5]]},
		{"id": 6, "image_id": 1, "category_id": 3, "segmentation": [[1, 1, 5]]},
		{"id": 7, "image_id": 1, "category_id": 3, "segmentation": {"size": [64, 64], "counts": [9, 9000]}},
		{"id": 8, "image_id": 2, "category_id": 3, "segmentation": [[1, 1, 5, 1, 5, 5]]}]}`
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	cut(t, filepath.Join(root, "train2017", "000000000001.jpg"))
	c := config(t, root)
	report, err := command(t, "inspect", "-config", c, "-split", "train", "-set", "task=instance", "-set", "data.format=coco")
	if err == nil || !strings.Contains(err.Error(), "5 problems") {
		t.Errorf("%v", err)
	}
	for _, part := range []string{"0 images read, 0 left out, 2 broken, 5 problems", "5 problems in 3 files", "instances_train2017.json (3)",
		"annotation 5 of image 1 (000000000001.jpg): category_id 9", "annotation 6 of image 1 (000000000001.jpg): polygon 1 has 3 numbers",
		"annotation 7 of image 1 (000000000001.jpg): rle: runs add up to 9009", "truncated JPEG", "gone.jpg (1)\n    cannot be read: no such file"} {
		if !strings.Contains(report, part) {
			t.Errorf("the report lacks %q:\n%s", part, report)
		}
	}
}

// data.exif reaches the images, and an orientation that is not upright is noted.
func TestOrientation(t *testing.T) {
	root := filepath.Join(t.TempDir(), "set")
	if _, err := command(t, "shapes", "-out", root, "-images", "1", "-size", "64"); err != nil {
		t.Fatal(err)
	}
	var raw bytes.Buffer
	if err := jpeg.Encode(&raw, image.NewGray(image.Rect(0, 0, 64, 32)), nil); err != nil {
		t.Fatal(err)
	}
	text := `{"images": [{"id": 1, "file_name": "000000000001.jpg", "width": 32, "height": 64}],
		"categories": [{"id": 3, "name": "a"}], "annotations": [{"id": 5, "image_id": 1, "category_id": 3, "segmentation": [[1, 1, 5, 1, 5, 5]]}]}`
	for path, body := range map[string][]byte{
		filepath.Join("train2017", "000000000001.jpg"):           exiftest.Orient(raw.Bytes(), 6),
		filepath.Join("annotations", "instances_train2017.json"): []byte(text),
	} {
		if err := os.WriteFile(filepath.Join(root, path), body, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	args := []string{"inspect", "-config", config(t, root), "-split", "train", "-set", "task=instance", "-set", "data.format=coco"}
	if report, err := command(t, args...); err == nil || !strings.Contains(report, "states EXIF orientation 6: set data.exif to apply") {
		t.Errorf("ignored: %v\n%s", err, report)
	}
	report, err := command(t, append(args, "-set", "data.exif=apply")...)
	if err != nil || !strings.Contains(report, "EXIF orientation other than upright (1): 1 image, ") {
		t.Errorf("applied: %v\n%s", err, report)
	}
}

func cut(t *testing.T, path string) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, raw[:len(raw)/2], 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestUsage(t *testing.T) {
	for _, test := range []struct {
		args  []string
		usage bool
		want  string
	}{
		{nil, true, "want shapes or inspect"},
		{[]string{"draw"}, true, `unknown command "draw"`},
		{[]string{"shapes", "-images", "3"}, true, "-out is missing"},
		{[]string{"shapes", "-out", "x"}, true, "-images 0"},
		{[]string{"shapes", "-out", "x", "-images", "3", "-size", "8"}, true, "-size 8"},
		{[]string{"shapes", "-out", "x", "-images", "3", "more"}, true, `unexpected argument "more"`},
		{[]string{"inspect"}, true, "-config is missing"},
		{[]string{"inspect", "-config", "x", "-split", "test"}, true, "-split test"},
		{[]string{"inspect", "-config", "gone.yaml"}, false, "gone.yaml"},
		{[]string{"inspect", "-config", config(t, "gone")}, false, "data folder gone does not exist"},
	} {
		_, err := command(t, test.args...)
		var usage *cli.UsageError
		if err == nil || !strings.Contains(err.Error(), test.want) || errors.As(err, &usage) != test.usage {
			t.Errorf("%q: %v lacks %q, or has the wrong exit code", test.args, err, test.want)
		}
	}
	if text, err := command(t, "-h"); err == nil || !strings.Contains(text, "Example:") {
		t.Errorf("-h: %q, %v", text, err)
	}
}
