package coco_test

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"eomt/data"
	"eomt/data/coco"
	"eomt/data/decode"
	"eomt/data/shapes"
)

// tinySet writes a data set of two generated images whose annotation files are
// replaced by small ones that a test can break.
func tinySet(t testing.TB) string {
	t.Helper()
	root := filepath.Join(t.TempDir(), "set")
	if err := shapes.Generate(t.Context(), shapes.Config{Dir: root, Train: 2, Size: 40, Seed: 14}, nil); err != nil {
		t.Fatal(err)
	}
	return root
}

const tinyInstances = `{
 "images": [{"id": 7, "file_name": "000000000001.jpg"}, {"id": 8, "file_name": "000000000002.jpg"}],
 "categories": [{"id": 3, "name": "a"}, {"id": 1, "name": "b"}],
 "annotations": [
  {"id": 70, "image_id": 7, "category_id": 3, "iscrowd": 0, "area": 8.5, "segmentation": [[1, 1, 5, 1, 5, 5.5]]},
  {"id": 80, "image_id": 8, "category_id": 1, "iscrowd": 0, "area": 8.5, "segmentation": [[1, 1, 5, 1, 5, 5.5]]}
 ]}`

func openInstance(t testing.TB, root, text string, skip bool) (*coco.Dataset, error) {
	t.Helper()
	write(t, filepath.Join(root, "annotations", "instances_train2017.json"), text)
	set, err := coco.OpenInstance(data.OpenOptions{Root: root, Split: "train", SkipBad: skip})
	if err == nil {
		t.Cleanup(func() { set.Close() })
	}
	return set, err
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// Opening a broken annotation file fails, and the error names file and record.
func TestBrokenAnnotations(t *testing.T) {
	root := tinySet(t)
	for name, test := range map[string]struct {
		old, new string // replacement in tinyInstances; old "" cuts the text at new
		want     string
	}{
		"cut in the middle":   {"", `"iscrowd": 0, "area": 8`, "annotations[0]: byte 232: file ends"},
		"cut in a string":     {"", `"file_na`, "images[0]: byte"},
		"not JSON":            {`"annotations": [`, `"annotations": [ what`, "annotations[0]: byte"},
		"empty":               {"", "", "byte 0: file ends in an object"},
		"text after the end":  {"\n ]}", "\n ]}}", "text after the end"},
		"no categories":       {`"categories"`, `"category"`, `has no "categories" list`},
		"no annotations":      {`"annotations"`, `"notes"`, `has no "annotations" list`},
		"unknown category":    {`"category_id": 1`, `"category_id": 5`, "annotation 80 of image 8 (000000000002.jpg): category_id 5 is not among the categories"},
		"unknown image":       {`"image_id": 8`, `"image_id": 9`, "annotation 80: image_id 9 is not among the images"},
		"annotation id twice": {`"id": 80`, `"id": 70`, "annotation 70: duplicate id"},
		"image id twice":      {`{"id": 8,`, `{"id": 7,`, "image 7: duplicate id, of 000000000001.jpg and 000000000002.jpg"},
		"category id twice":   {`{"id": 1,`, `{"id": 3,`, "category 3: duplicate id"},
		"odd polygon":         {`5, 5.5]]},`, `5]]},`, "annotation 70 of image 7 (000000000001.jpg): polygon 1 has 5 numbers, want pairs of x and y"},
		"empty polygon":       {`[[1, 1, 5, 1, 5, 5.5]]},`, `[[]]},`, "polygon 1 has 0 numbers"},
		"segmentation a word": {`[[1, 1, 5, 1, 5, 5.5]]},`, `"x"},`, `want a segmentation`},
		"coordinate a word":   {`[[1, 1,`, `[["1", 1,`, `'"', want a number`},
		"runs without counts": {`[[1, 1, 5, 1, 5, 5.5]]},`, `{"size": [40, 40]}},`, `run-length mask without "counts"`},
		"runs without size":   {`[[1, 1, 5, 1, 5, 5.5]]},`, `{"counts": "abc"}},`, `run-length mask of "size" [0, 0]`},
		"negative run":        {`[[1, 1, 5, 1, 5, 5.5]]},`, `{"size": [4, 4], "counts": [3, -1]}},`, "run 2 has -1 pixels"},
		"annotation sans id":  {`{"id": 70, "image`, `{"image`, `an annotation needs "id"`},
		"image sans name":     {`{"id": 8, "file_name": "000000000002.jpg"}`, `{"id": 8}`, `an image needs an "id" and a "file_name"`},
		"category id 2^32+1":  {`"category_id": 1`, `"category_id": 4294967297`, "category_id 4294967297 is not among the categories"},
		"category id null":    {`"category_id": 1`, `"category_id": null`, `an annotation needs "id", "image_id", "category_id"`},
		"image id null":       {`{"id": 8,`, `{"id": null,`, `an image needs an "id"`},
		"id beyond 2^53":      {`"id": 70`, `"id": 9007199254740993`, `want a whole one`},
		"colour beyond 255":   {`"name": "a"`, `"name": "a", "color": [256, 0, 0]`, "categories[0]: byte 155: colour 256; want 0 to 255"},
		"id a fraction":       {`"id": 70`, `"id": 70.5`, `number 70.5, want a whole one`},
		"nothing kept":        {`"annotations": [`, `"annotations": [], "old": [`, "has no image with an annotation (2 without are left out; data.keep_empty: true trains on them)"},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(tinyInstances, test.old, test.new, 1)
			if test.old == "" {
				text = tinyInstances[:max(0, strings.Index(tinyInstances, test.new))]
			}
			_, err := openInstance(t, root, text, false)
			var format *data.FormatError
			if !errors.As(err, &format) || !strings.HasSuffix(format.Path, "instances_train2017.json") ||
				!strings.Contains(err.Error(), test.want) {
				t.Errorf("%v\nlacks %q", err, test.want)
			}
		})
	}
}

// With SkipBad, only images with broken records fail, when they are loaded.
func TestSkipBadKeepsTheRest(t *testing.T) {
	root := tinySet(t)
	text := strings.Replace(tinyInstances, `"category_id": 1`, `"category_id": 5`, 1)
	text = strings.Replace(text, "5, 5.5]]}", "5]]}", 1)
	text = strings.Replace(text, `"images": [`, `"images": [{"id": 6, "file_name": "000000000001.jpg"}, `, 1)
	text = strings.Replace(text, "\n ]}", `, {"id": 60, "image_id": 6, "category_id": 1, "segmentation": [[1, 1, 5, 1, 5, 5]]}]}`, 1)
	set, err := openInstance(t, root, text, true)
	if err != nil {
		t.Fatal(err)
	}
	if set.Len() != 3 || len(set.Problems()) != 2 {
		t.Fatalf("%d images with %d problems, want 3 with 2: %v", set.Len(), len(set.Problems()), set.Problems())
	}
	load(t, set, 0)
	for i, want := range []string{1: "polygon 1 has 5 numbers", 2: "category_id 5"} {
		if want == "" {
			continue
		}
		if _, err := set.Load(i); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("image %d: %v lacks %q", i, err, want)
		}
	}
}

// Broken image files and label maps are errors of loading.
func TestBrokenFiles(t *testing.T) {
	for name, test := range map[string]struct {
		old, new string
		spoil    func(t *testing.T, root string)
		want     string
	}{
		"image missing": {
			spoil: func(t *testing.T, root string) { remove(t, filepath.Join(root, "train2017", "000000000001.jpg")) },
			want:  "000000000001.jpg",
		},
		"image cut off": {
			spoil: func(t *testing.T, root string) { cut(t, filepath.Join(root, "train2017", "000000000001.jpg")) },
			want:  "000000000001.jpg",
		},
		"other size": {
			old: `"file_name": "000000000001.jpg"`, new: `"file_name": "000000000001.jpg", "width": 41, "height": 40`,
			want: "states 41 x 40",
		},
		"runs of another size": {
			old: `[[1, 1, 5, 1, 5, 5.5]]},`, new: `{"size": [41, 40], "counts": [1640]}},`,
			want: "annotation 70 of image 7 (000000000001.jpg): run-length mask of 41 x 40 pixels",
		},
		"runs past the image": {
			old: `[[1, 1, 5, 1, 5, 5.5]]},`, new: `{"size": [HEIGHT, WIDTH], "counts": [100, 5000]}},`,
			want: "annotation 70 of image 7 (000000000001.jpg): rle: runs add up to 5100 pixels",
		},
		"spoiled run text": {
			old: `[[1, 1, 5, 1, 5, 5.5]]},`, new: `{"size": [HEIGHT, WIDTH], "counts": "!!"}},`,
			want: "annotation 70 of image 7 (000000000001.jpg): rle: string",
		},
		"polygon far away": {
			old: `[[1, 1, 5, 1, 5, 5.5]]},`, new: `[[1, 1, 1e300, 1, 5, 5.5]]},`,
			want: "annotation 70 of image 7 (000000000001.jpg): rle: polygon",
		},
	} {
		t.Run(name, func(t *testing.T) {
			root := tinySet(t)
			good, err := openInstance(t, root, tinyInstances, false)
			if err != nil {
				t.Fatal(err)
			}
			size := load(t, good, 0).Image
			text := strings.Replace(tinyInstances, test.old, test.new, 1)
			text = strings.NewReplacer("HEIGHT", strconv.Itoa(size.H), "WIDTH", strconv.Itoa(size.W)).Replace(text)
			if test.spoil != nil {
				test.spoil(t, root)
			}
			set, err := openInstance(t, root, text, false)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := set.Load(0); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v\nlacks %q", err, test.want)
			}
			load(t, set, 1)
		})
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

func cut(t *testing.T, path string) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	write(t, path, string(raw[:len(raw)/2]))
}

const tinyPanoptic = `{
 "images": [{"id": 7, "file_name": "000000000001.jpg"}],
 "categories": [{"id": 3, "name": "a", "isthing": 1}, {"id": 9, "name": "b", "isthing": 0}],
 "annotations": [{"image_id": 7, "file_name": "x.png", "segments_info": [
  {"id": 70000, "category_id": 3, "iscrowd": 0, "area": 2}, {"id": 5, "category_id": 9, "iscrowd": 1, "area": 3}]}]}`

func TestBrokenPanoptic(t *testing.T) {
	root := tinySet(t)
	instances, err := openInstance(t, root, tinyInstances, false)
	if err != nil {
		t.Fatal(err)
	}
	size := load(t, instances, 0).Image
	for name, test := range map[string]struct {
		old, new string
		png      func(w, h int) ([]uint32, int, int)
		want     string
	}{
		"sound":             {png: labelMap(70000, 5)},
		"segment twice":     {old: `"id": 5`, new: `"id": 70000`, want: "segment 70000 of image 7 (x.png): duplicate id"},
		"unknown category":  {old: `"category_id": 9, "is`, new: `"category_id": 8, "is`, want: "segment 5 of image 7 (x.png): category_id 8"},
		"unknown image":     {old: `"image_id": 7`, new: `"image_id": 8`, want: "x.png: image_id 8 is not among the images"},
		"two annotations":   {old: `"annotations": [`, new: `"annotations": [{"image_id": 7, "file_name": "w.png", "segments_info": []}, `, want: "x.png: image 7 has a second annotation; the first is w.png"},
		"id of four bytes":  {old: `"id": 70000`, new: `"id": 16777216`, want: "segment id 16777216; want 1 to 16777215"},
		"id of void":        {old: `"id": 70000`, new: `"id": 0`, want: "segment id 0"},
		"instance file":     {old: `"segments_info": [`, new: `"segmentation": [`, want: `a panoptic annotation needs "image_id", "file_name" and "segments_info"`},
		"pixel without":     {png: labelMap(70000, 6), want: "x.png: segment 6: is at pixel"},
		"map of other size": {png: func(w, h int) ([]uint32, int, int) { return make([]uint32, (w+1)*h), w + 1, h }, want: "x.png: has"},
		"map missing":       {old: `x.png`, new: `y.png`, want: "y.png"},
		"bbox of any kind":  {old: `"area": 2`, new: `"area": 2, "bbox": [{}, null, [], "\u00e9\"\\"], "": {"deep": [[[]]]}`, png: labelMap(70000, 5)},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(tinyPanoptic, test.old, test.new, 1)
			write(t, filepath.Join(root, "annotations", "panoptic_train2017.json"), text)
			if test.png != nil {
				png, err := decode.EncodeIDs(test.png(size.W, size.H))
				if err != nil {
					t.Fatal(err)
				}
				write(t, filepath.Join(root, "annotations", "panoptic_train2017", "x.png"), string(png))
			}
			set, err := coco.OpenPanoptic(data.OpenOptions{Root: root, Split: "train"})
			if err == nil {
				defer set.Close()
				_, err = set.Load(0)
			}
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("%v\nlacks %q", err, test.want)
			}
		})
	}
}

// labelMap gives the upper half of a map one id and the rest another, beside void.
func labelMap(upper, lower uint32) func(w, h int) ([]uint32, int, int) {
	return func(w, h int) ([]uint32, int, int) {
		ids := make([]uint32, w*h)
		for i := range ids {
			switch {
			case i < w*h/2:
				ids[i] = upper
			case i%2 == 0:
				ids[i] = lower
			}
		}
		return ids, w, h
	}
}

func TestMissingFolders(t *testing.T) {
	root := tinySet(t)
	for _, test := range []struct {
		c    data.OpenOptions
		want []string
	}{
		{data.OpenOptions{Root: filepath.Join(root, "gone"), Split: "train"}, []string{"gone does not exist", "data.root"}},
		{data.OpenOptions{Root: root, Split: "test"}, []string{`split "test"`, "train or val"}},
		{data.OpenOptions{Root: root, Split: "train", Files: data.Files{Annotations: "mine.json"}}, []string{"none of mine.json found"}},
		{data.OpenOptions{Root: root, Split: "train", Files: data.Files{Images: "photos"}}, []string{"images", "none of photos found"}},
		{data.OpenOptions{Root: filepath.Join(root, "annotations"), Split: "val"},
			[]string{"annotations/instances_val2017.json", "annotations_trainval2017.zip/annotations/instances_val2017.json"}},
	} {
		_, err := coco.OpenInstance(test.c)
		for _, part := range test.want {
			if err == nil || !strings.Contains(err.Error(), part) {
				t.Errorf("%+v: %v lacks %q", test.c, err, part)
			}
		}
	}
}
