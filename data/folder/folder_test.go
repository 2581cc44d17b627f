package folder_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"image"
	"image/jpeg"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"eomt/data"
	"eomt/data/archive/archivetest"
	"eomt/data/decode"
	"eomt/data/decode/exiftest"
	"eomt/data/folder"
	"eomt/data/labelmap"

	"github.com/google/go-cmp/cmp"
)

const classFile = `
void: [255]
classes:
  - {id: 3, name: road, color: [128, 64, 128]}
  - {id: 0, name: car, thing: true}
`

// files is a data set of two training images of 4 x 2 pixels; b's map is constant.
func files(t testing.TB) archivetest.Files {
	return archivetest.Files{
		"classes.yaml":           []byte(classFile),
		"images/train/a.jpg":     picture(t, 4, 2),
		"images/train/sub/b.png": picture(t, 4, 2), // a JPEG by its content
		"images/train/notes.txt": []byte("no image"),
		"labels/train/a.png":     labels(t, 4, 2, 3, 3, 0, 0, 255, 255, 0, 3),
		"labels/train/sub/b.png": labels(t, 4, 2, 3, 3, 3, 3, 3, 3, 3, 3),
	}
}

func picture(t testing.TB, w, h int) []byte {
	t.Helper()
	var buf bytes.Buffer
	if err := jpeg.Encode(&buf, image.NewGray(image.Rect(0, 0, w, h)), nil); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func labels(t testing.TB, w, h int, values ...uint16) []byte {
	t.Helper()
	raw, err := decode.EncodeLabels(values, w, h)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func open(t testing.TB, c data.OpenOptions) *labelmap.Dataset {
	t.Helper()
	set, err := folder.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { set.Close() })
	return set
}

func TestFolderAndZip(t *testing.T) {
	plain, zipped := t.TempDir(), t.TempDir()
	all := files(t)
	all.Write(t, plain)
	images, maps := archivetest.Files{}, archivetest.Files{}
	for name, body := range all {
		switch {
		case strings.HasPrefix(name, "images/"):
			images[name] = body
		case strings.HasPrefix(name, "labels/"):
			maps[strings.TrimPrefix(name, "labels/")] = body
		}
	}
	archivetest.Files{"classes.yaml": all["classes.yaml"],
		"images.zip": images.Zip(t, zip.Store), "labels.zip": maps.Zip(t, zip.Deflate)}.Write(t, zipped)

	for name, root := range map[string]string{"folder": plain, "zip": zipped} {
		set := open(t, data.OpenOptions{Root: root, Split: "train"})
		if set.Len() != 1 || set.Dropped() != 1 || open(t, data.OpenOptions{Root: root, Split: "train", KeepEmpty: true}).Len() != 2 {
			t.Fatalf("%s: %d images, %d dropped; want 1 and the constant one dropped", name, set.Len(), set.Dropped())
		}
		want := []data.Class{{ID: 3, Name: "road", Color: [3]uint8{128, 64, 128}}, {ID: 0, Name: "car", Thing: true, Color: data.Color(1)}}
		if diff := cmp.Diff(want, set.Classes()); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		s, err := set.Load(0)
		if err != nil {
			t.Fatal(err)
		}
		wantTargets := []data.Instance{{Class: 0, ID: 3, Area: 3}, {Class: 1, ID: 0, Area: 3}}
		wantBits := []uint32{1, 1, 2, 2, 0, 0, 2, 1}
		if diff := cmp.Diff(wantTargets, s.Instances) + cmp.Diff(wantBits, s.Masks.Bits); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if listed, err := set.Instances(0); err != nil || cmp.Diff(wantTargets, listed) != "" {
			t.Errorf("%s: without the image: %+v, %v", name, listed, err)
		}
		if info := set.Info(0); info.Name != "a.jpg" || info.ImageID != s.ImageID || !strings.HasSuffix(s.Name, filepath.Join("train", "a.jpg")) {
			t.Errorf("%s: %+v, sample %s", name, info, s.Name)
		}
	}
}

func TestBroken(t *testing.T) {
	for name, test := range map[string]struct {
		file string
		body []byte // nil: the file is missing
		want string
	}{
		"no class file":    {"classes.yaml", nil, "none of classes.yaml found"},
		"map missing":      {"labels/train/a.png", nil, "a.jpg: has no label map; looked for"},
		"map of odd size":  {"labels/train/a.png", labels(t, 3, 2, 3, 0, 3, 3, 0, 3), "a.png: has 3 x 2 pixels (width x height), but its image"},
		"label unknown":    {"labels/train/a.png", labels(t, 4, 2, 3, 3, 0, 0, 255, 9, 0, 3), "a.png: label 9: is at pixel (1, 1)"},
		"labels unknown":   {"labels/train/a.png", labels(t, 4, 2, 9, 3, 0, 0, 255, 8, 7, 3), "a.png: label 9: is at pixel (0, 0), but is not a label of this data set; 2 more labels are not: [7 8]"},
		"map not a PNG":    {"labels/train/a.png", []byte("x"), "a.png"},
		"image cut":        {"images/train/a.jpg", picture(t, 4, 2)[:30], "a.jpg"},
		"unknown key":      {"classes.yaml", []byte("klasses: []"), "field klasses is not a key of this file"},
		"no classes":       {"classes.yaml", []byte("void: [1]"), "names no classes"},
		"not YAML":         {"classes.yaml", []byte("\x00"), "not a class file"},
		"no id":            {"classes.yaml", []byte("classes: [{name: a}]"), "class 1: needs an id and a name"},
		"id twice":         {"classes.yaml", []byte("classes: [{id: 1, name: a}, {id: 1, name: b}]"), "class 2: label 1 is a duplicate"},
		"void a class":     {"classes.yaml", []byte("void: [1]\nclasses: [{id: 1, name: a}]"), "void: label 1 is a duplicate"},
		"id out of range":  {"classes.yaml", []byte("classes: [{id: 65536, name: a}]"), "label 65536: want 0 to 65535"},
		"color of two":     {"classes.yaml", []byte("classes: [{id: 1, name: a, color: [1, 2]}]"), "color [1 2]: want red, green and blue"},
		"color over range": {"classes.yaml", []byte("classes: [{id: 1, name: a, color: [1, 2, 256]}]"), "want red, green and blue"},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			all := files(t)
			all[test.file] = test.body
			if test.body == nil {
				delete(all, test.file)
			}
			all.Write(t, root)
			set, err := folder.Open(data.OpenOptions{Root: root, Split: "train"})
			if err == nil {
				defer set.Close()
				_, err = set.Load(0)
			}
			if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%v\nlacks %q, or has several lines", err, test.want)
			}
		})
	}
	if _, err := folder.Open(data.OpenOptions{Root: filepath.Join(t.TempDir(), "gone")}); err == nil || !strings.Contains(err.Error(), "data.root") {
		t.Errorf("missing root: %v", err)
	}
}

// With SkipBad, an image without a label map is an error of that image only. A
// label map without an image is always a problem.
func TestLonelyFiles(t *testing.T) {
	root := t.TempDir()
	all := files(t)
	all["images/train/c.jpg"] = all["images/train/a.jpg"]
	all["labels/train/d.png"] = all["labels/train/a.png"]
	all.Write(t, root)
	if _, err := folder.Open(data.OpenOptions{Root: root, Split: "train"}); err == nil || !strings.Contains(err.Error(), "c.jpg: has no label map") {
		t.Errorf("%v", err)
	}
	set := open(t, data.OpenOptions{Root: root, Split: "train", SkipBad: true})
	_, err := set.Load(set.Len() - 1)
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "c.png") {
		t.Errorf("the image without a label map: %v", err)
	}
	problems := set.Problems()
	if len(problems) != 1 || !strings.Contains(problems[0].Error(), "d.png: has no image of its name") {
		t.Errorf("problems %v, want d.png", problems)
	}
}

// Faults returns the faults of both the image and the label map.
func TestFaults(t *testing.T) {
	for name, test := range map[string]struct {
		labels []byte
		want   []string
	}{
		"both broken":   {[]byte("x"), []string{"a.jpg: truncated JPEG", "a.png: not a PNG"}},
		"unknown label": {labels(t, 4, 2, 3, 3, 0, 0, 255, 9, 0, 3), []string{"a.jpg: truncated JPEG", "a.png: label 9"}},
		"sound map":     {labels(t, 4, 2, 3, 3, 0, 0, 255, 3, 0, 3), []string{"a.jpg: truncated JPEG"}},
	} {
		root := t.TempDir()
		all := files(t)
		raw := all["images/train/a.jpg"]
		all["images/train/a.jpg"], all["labels/train/a.png"] = raw[:len(raw)/2], test.labels
		all.Write(t, root)
		faults := open(t, data.OpenOptions{Root: root, Split: "train", KeepEmpty: true}).Faults(0, nil)
		if len(faults) != len(test.want) {
			t.Errorf("%s: %v, want %d faults", name, faults, len(test.want))
			continue
		}
		for i, want := range test.want {
			if !strings.Contains(faults[i].Error(), want) {
				t.Errorf("%s: %v lacks %q", name, faults[i], want)
			}
		}
	}
}

func TestNoImages(t *testing.T) {
	root := t.TempDir()
	all := archivetest.Files{"classes.yaml": []byte(classFile), "images/val/readme.txt": nil, "labels/val/x": nil}
	all.Write(t, root)
	if _, err := folder.Open(data.OpenOptions{Root: root, Split: "val"}); err == nil || !strings.Contains(err.Error(), "has no images (.jpg") {
		t.Errorf("%v", err)
	}
	if err := os.RemoveAll(root); err != nil {
		t.Fatal(err)
	}
}

// The reader of class files never panics, and what it accepts is valid.
func FuzzClasses(f *testing.F) {
	f.Add([]byte(classFile))
	f.Add([]byte("classes:\n- {id: 0, name: x, thing: yes, color: [0,0,0]}\nvoid: [0x10]\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		table, err := folder.ParseClasses(raw, "classes.yaml")
		if err != nil {
			return
		}
		for i, c := range table.Classes {
			if table.ClassOf(uint16(c.ID)) != i || c.Name == "" {
				t.Errorf("class %d: %+v is not found by its label", i, c)
			}
		}
	})
}

// A photograph on its side fits the label map of the upright picture when its EXIF
// orientation is applied, and that of the stored image when it is not.
func TestOrientation(t *testing.T) {
	for _, test := range []struct {
		apply bool
		w, h  int // of the label map
		fits  bool
	}{{false, 4, 2, true}, {true, 2, 4, true}, {false, 2, 4, false}, {true, 4, 2, false}} {
		root := t.TempDir()
		archivetest.Files{
			"classes.yaml":       []byte(classFile),
			"images/train/a.jpg": exiftest.Orient(picture(t, 4, 2), 6),
			"labels/train/a.png": labels(t, test.w, test.h, 3, 3, 0, 0, 255, 255, 0, 3),
		}.Write(t, root)
		s, err := open(t, data.OpenOptions{Root: root, Split: "train", ApplyEXIF: test.apply}).Load(0)
		switch {
		case test.fits && (err != nil || s.Image.W != test.w || s.Orientation != 6):
			t.Errorf("%+v: %v", test, err)
		case !test.fits && (err == nil || !strings.Contains(err.Error(), "the image states EXIF orientation 6: set data.exif to")):
			t.Errorf("%+v: %v", test, err)
		}
	}
}
