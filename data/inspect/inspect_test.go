package inspect_test

import (
	"bytes"
	"image"
	"image/jpeg"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"eomt/data"
	"eomt/data/archive/archivetest"
	"eomt/data/coco"
	"eomt/data/decode"
	"eomt/data/decode/exiftest"
	"eomt/data/folder"
	"eomt/data/inspect"
	"eomt/data/transform"
)

// picture is a gray JPEG file.
func picture(t *testing.T, w, h int) []byte {
	t.Helper()
	var raw bytes.Buffer
	if err := jpeg.Encode(&raw, image.NewGray(image.Rect(0, 0, w, h)), nil); err != nil {
		t.Fatal(err)
	}
	return raw.Bytes()
}

// report reads a data set and returns the findings and their text.
func report(t *testing.T, set data.DatasetCloser, err error) (*inspect.Findings, string) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { set.Close() })
	f, err := inspect.Read(t.Context(), set, nil)
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	f.Write(&text, "mine")
	return f, text.String()
}

// instances are annotations of two images of 40 x 20 pixels.
const instances = `{
 "images": [{"id": 1, "file_name": "a.jpg"}, {"id": 2, "file_name": "b.jpg"}],
 "categories": [{"id": 3, "name": "cat"}, {"id": 5, "name": "dog"}],
 "annotations": [
  {"id": 10, "image_id": 1, "category_id": 3, "bbox": [1, 1, 4, 4], "segmentation": [[1, 1, 5, 1, 5, 5]]},
  {"id": 20, "image_id": 2, "category_id": 5, "bbox": [1, 1, 4, 4], "segmentation": {"size": [20, 40], "counts": [3, 17, 780]}}
 ]}`

// Faults of annotations that can all be read are found.
func TestInstanceFindings(t *testing.T) {
	for name, test := range map[string]struct {
		old, new string // in instances
		problems int
		want     string
	}{
		"nothing":               {"", "", 0, "0 broken, 0 problems\n"},
		"box without mask":      {`[[1, 1, 5, 1, 5, 5]]`, `[]`, 1, "annotation 10 of image 1 (a.jpg): has no mask: its segmentation is empty"},
		"box and null":          {`[[1, 1, 5, 1, 5, 5]]`, `null`, 1, "annotation 10 of image 1 (a.jpg): has no mask"},
		"empty runs":            {`[3, 17, 780]`, `[800]`, 1, "annotation 20 of image 2 (b.jpg): has an empty run-length mask"},
		"mask outside":          {`[[1, 1, 5, 1, 5, 5]]`, `[[100, 1, 150, 1, 150, 9]]`, 1, "annotation 10 of image 1 (a.jpg): its mask reaches from (100, 1) to (150, 9), for the most part outside of the image of 40 x 20 pixels"},
		"mask half outside":     {`[[1, 1, 5, 1, 5, 5]]`, `[[1, 10, 5, 10, 5, 35]]`, 1, "for the most part outside"},
		"mask cut by the image": {`[[1, 1, 5, 1, 5, 5]]`, `[[30, 1, 45, 1, 45, 5]]`, 0, "0 problems"},
		"tiny mask":             {`[[1, 1, 5, 1, 5, 5]]`, `[[1, 1, 1.1, 1, 1.1, 1.1]]`, 0, "1 target without a pixel"},
		"classes of one name":   {`"dog"`, `"cat"`, 1, `classes 3 and 5 have the same name, "cat"`},
		"class without objects": {`"category_id": 5`, `"category_id": 3`, 0, "1 note:\n    without an object: 1 of 2 classes, dog (5)"},
		"file of two images":    {`b.jpg`, `a.jpg`, 1, "a.jpg (1)\n    is the file of two images, 1 and 2"},
	} {
		root := t.TempDir()
		archivetest.Files{
			"a.json":   []byte(strings.Replace(instances, test.old, test.new, 1)),
			"im/a.jpg": picture(t, 40, 20), "im/b.jpg": picture(t, 40, 20),
		}.Write(t, root)
		set, err := coco.OpenInstance(data.OpenOptions{Root: root, Files: data.Files{Images: "im", Annotations: "a.json"}, KeepEmpty: true, SkipBad: true})
		f, text := report(t, set, err)
		if len(f.Problems) != test.problems || !strings.Contains(text, test.want) {
			t.Errorf("%s: want %d problems and %q:\n%s", name, test.problems, test.want, text)
		}
		if clean := test.problems == 0 && len(f.Notes) == 0; clean != strings.Contains(text, "\nno problems\n") {
			t.Errorf("%s: %s", name, text)
		}
	}
}

// A segment that the label map does not have is a problem.
func TestPanopticFindings(t *testing.T) {
	ids := make([]uint32, 40*20)
	for i := range 100 {
		ids[i] = 9
	}
	labels, err := decode.EncodeIDs(ids, 40, 20)
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	archivetest.Files{"im/a.jpg": picture(t, 40, 20), "maps/a.png": labels, "a.json": []byte(`{
		"images": [{"id": 1, "file_name": "a.jpg"}], "categories": [{"id": 1, "name": "sky"}],
		"annotations": [{"image_id": 1, "file_name": "a.png", "segments_info": [{"id": 9, "category_id": 1}, {"id": 10, "category_id": 1}]}]}`),
	}.Write(t, root)
	set, err := coco.OpenPanoptic(data.OpenOptions{Root: root, Files: data.Files{Images: "im", Annotations: "a.json", Masks: "maps"}})
	f, text := report(t, set, err)
	if len(f.Problems) != 1 || !strings.Contains(text, "segment 10 of image 1 (a.png): has no pixel in its label map") {
		t.Error(text)
	}
}

const classFile = "classes: [{id: 0, name: road}, {id: 1, name: car}]"

// EXIF orientations and extreme shapes are noted; images that share a label map
// are a problem.
func TestFolderFindings(t *testing.T) {
	labels := func(w, h int) []byte {
		values := make([]uint16, w*h)
		values[0] = 1
		raw, err := decode.EncodeLabels(values, w, h)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	files := archivetest.Files{"classes.yaml": []byte(classFile)}
	for name, size := range map[string][2]int{"plain": {8, 8}, "long": {90, 8}} {
		files["images/train/"+name+".jpg"] = picture(t, size[0], size[1])
		files["labels/train/"+name+".png"] = labels(size[0], size[1])
	}
	for _, name := range []string{"t1", "t2", "t3", "t4", "t5", "t6", "t7"} {
		files["images/train/"+name+".jpg"] = exiftest.Orient(picture(t, 8, 8), 6)
		files["labels/train/"+name+".png"] = labels(8, 8)
	}
	files["images/train/plain.png"] = files["images/train/plain.jpg"]
	root := t.TempDir()
	files.Write(t, root)
	set, err := folder.Open(data.OpenOptions{Root: root, Split: "train", SkipBad: true})
	f, text := report(t, set, err)
	for _, want := range []string{
		"2 notes:\n",
		"EXIF orientation other than upright (1): 7 images, ", "data.exif: ignore reads",
		"t1.jpg (6), ", "t5.jpg (6) and 2 more",
		"one side more than 10 times the other, so that little is left at the training size: 1 image, ", "long.jpg (90 x 8)",
		"plain.png (1)\n    shares its label map with another image",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in the report:\n%s", want, text)
		}
	}
	if len(f.Problems) != 1 || len(f.Sound) != 10 || !slices.IsSorted(f.Sound) {
		t.Errorf("%d problems, sound %v", len(f.Problems), f.Sound)
	}
}

// The pictures of an earlier inspection are removed, other files are not.
func TestDrawRemovesStalePictures(t *testing.T) {
	root, dir := t.TempDir(), t.TempDir()
	archivetest.Files{"a.json": []byte(instances), "im/a.jpg": picture(t, 40, 20), "im/b.jpg": picture(t, 40, 20)}.Write(t, root)
	set, err := coco.OpenInstance(data.OpenOptions{Root: root, Files: data.Files{Images: "im", Annotations: "a.json"}})
	if err != nil {
		t.Fatal(err)
	}
	defer set.Close()
	archivetest.Files{"sample-000099-image.png": nil, "sample-000099-train-2.png": nil, "sheet.png": nil,
		"notes.txt": nil, "sample-mine-image.png": nil, "overlays/sample-000099-image.png": nil}.Write(t, dir)
	train := transform.Train{H: 32, W: 32, ScaleMin: 1, ScaleMax: 1}
	for _, samples := range [][]int{{0, 1}, {1}, {}} {
		sheet, n, err := inspect.Draw(set, samples, train, 1, dir)
		if err != nil || n != len(samples) || (sheet == "") != (n == 0) {
			t.Fatalf("%v: %d drawn, %q, %v", samples, n, sheet, err)
		}
		var left []string
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			left = append(left, e.Name())
		}
		want := []string{"notes.txt", "overlays", "sample-mine-image.png"}
		for _, i := range samples {
			for _, kind := range []string{"image", "targets", "train-1", "train-2"} {
				want = append(want, "sample-00000"+string(rune('0'+i))+"-"+kind+".png")
			}
		}
		if n > 0 {
			want = append(want, "sheet.png")
		}
		slices.Sort(want)
		if !slices.Equal(left, want) {
			t.Errorf("%v: %v, want %v", samples, left, want)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "overlays", "sample-000099-image.png")); err != nil {
		t.Error(err)
	}
}

// faulty is a data set whose loading panics at sample 1.
type faulty struct{ data.DatasetCloser }

func (f faulty) Load(i int) (*data.Sample, error) {
	if i == 1 {
		panic("a fault of the format")
	}
	return f.DatasetCloser.Load(i)
}

// A panic is a problem of its sample; the others are read.
func TestPanicIsAProblem(t *testing.T) {
	root := t.TempDir()
	archivetest.Files{"a.json": []byte(instances), "im/a.jpg": picture(t, 40, 20), "im/b.jpg": picture(t, 40, 20)}.Write(t, root)
	set, err := coco.OpenInstance(data.OpenOptions{Root: root, Files: data.Files{Images: "im", Annotations: "a.json"}})
	f, text := report(t, faulty{set}, err)
	if len(f.Sound) != 1 || len(f.Problems) != 1 || !strings.Contains(text, "a fault of the format") {
		t.Error(text)
	}
}
