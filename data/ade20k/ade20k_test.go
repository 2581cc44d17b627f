package ade20k_test

import (
	"archive/zip"
	"bytes"
	"image"
	"image/jpeg"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"eomt/data"
	"eomt/data/ade20k"
	"eomt/data/archive/archivetest"
	"eomt/data/decode"
	"eomt/data/labelmap"

	"github.com/google/go-cmp/cmp"
)

const shared = "../../../shared/realdata/ade20k"

func need(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join(filepath.FromSlash(shared), name)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("real samples are not at %s", path)
	}
	return path
}

// The three real images: void and 15 classes in all, no pixel in two classes.
func TestRealSemantic(t *testing.T) {
	set, err := ade20k.OpenSemantic(data.OpenOptions{Root: need(t, "."), Split: "val"})
	if err != nil {
		t.Fatal(err)
	}
	defer set.Close()
	present := map[int]bool{}
	for i := range set.Len() {
		s, err := set.Load(i)
		if err != nil {
			t.Fatal(err)
		}
		void := s.Image.W * s.Image.H
		for m, area := range s.Masks.Areas(len(s.Instances)) {
			if present[s.Instances[m].Class] = true; float64(area) != s.Instances[m].Area {
				t.Errorf("%s: class %d has %d pixels, %v stated", s.Name, m, area, s.Instances[m].Area)
			}
			void -= area
		}
		if void < 0 {
			t.Errorf("%s: the classes overlap", s.Name)
		}
	}
	if set.Len() != 3 || len(present) != 15 { // EXPECTED.json: present_classes
		t.Errorf("%d images with %d classes, want 3 with 15", set.Len(), len(present))
	}
}

// The class table is that of the published lists.
func TestPublishedTables(t *testing.T) {
	raw, err := os.ReadFile(need(t, "objectInfo150.txt"))
	if err != nil {
		t.Fatal(err)
	}
	classes := ade20k.Classes()
	for i, line := range strings.Split(strings.TrimSpace(string(raw)), "\n")[1:] {
		fields := strings.Split(strings.TrimSpace(line), "\t")
		first, _, _ := strings.Cut(fields[len(fields)-1], ",")
		if classes[i].ID != i+1 || classes[i].Name != first || strings.TrimSpace(fields[0]) != strconv.Itoa(i+1) {
			t.Errorf("class %d is %+v, published %q", i, classes[i], line)
		}
	}
	raw, err = os.ReadFile(need(t, "categoryMapping.txt"))
	if err != nil {
		t.Fatal(err)
	}
	things := map[int]bool{}
	for _, line := range strings.Split(strings.TrimSpace(string(raw)), "\n")[1:] {
		var label int
		if label, err = strconv.Atoi(strings.Fields(line)[1]); err != nil {
			t.Fatal(err)
		}
		things[label] = true
	}
	for _, c := range classes {
		if c.Thing != things[c.ID] {
			t.Errorf("%s: thing is %v in the table, %v in the published mapping", c.Name, c.Thing, things[c.ID])
		}
	}
	if len(things) != 100 {
		t.Errorf("%d things, want 100", len(things))
	}
}

// layouts writes one small data set unpacked and as the official zips. Its image
// has 4 x 2 pixels; wall (1) and floor (4) are stuff, bed (8) and windowpane (9)
// things, of instance classes 1 and 2.
func layouts(t *testing.T) map[string]string {
	t.Helper()
	var picture bytes.Buffer
	if err := jpeg.Encode(&picture, image.NewGray(image.Rect(0, 0, 4, 2)), nil); err != nil {
		t.Fatal(err)
	}
	semantic, err := decode.EncodeLabels([]uint16{1, 8, 8, 0, 1, 9, 8, 4}, 4, 2)
	if err != nil {
		t.Fatal(err)
	}
	ids := []uint32{0, 1 | 5<<8, 1 | 6<<8, 0, 0, 2 | 7<<8, 1 | 200<<16, 0}
	instances, err := decode.EncodeIDs(ids, 4, 2)
	if err != nil {
		t.Fatal(err)
	}
	main := archivetest.Files{
		"ADEChallengeData2016/images/training/ADE_train_00000001.jpg":      picture.Bytes(),
		"ADEChallengeData2016/annotations/training/ADE_train_00000001.png": semantic,
	}
	extra := archivetest.Files{"annotations_instance/training/ADE_train_00000001.png": instances}
	roots := map[string]string{"folders": t.TempDir(), "zips": t.TempDir()}
	main.Write(t, roots["folders"])
	extra.Write(t, roots["folders"])
	archivetest.Files{"ADEChallengeData2016.zip": main.Zip(t, zip.Deflate),
		"annotations_instance.zip": extra.Zip(t, zip.Store)}.Write(t, roots["zips"])
	return roots
}

func TestLayouts(t *testing.T) {
	for name, root := range layouts(t) {
		t.Run(name, func(t *testing.T) {
			c := data.OpenOptions{Root: root, Split: "train"}
			semantic := load(t, ade20k.OpenSemantic, c)
			check(t, semantic, []data.Instance{
				{Class: 0, ID: 1, Area: 2}, {Class: 3, ID: 4, Area: 1}, {Class: 7, ID: 8, Area: 3}, {Class: 8, ID: 9, Area: 1},
			}, []uint32{1, 4, 4, 0, 1, 8, 4, 2})

			// Things come from the instances; pixel 6 belongs to a thing class but to no instance.
			panoptic := load(t, ade20k.OpenPanoptic, c)
			check(t, panoptic, []data.Instance{
				{Class: 0, ID: 1, Area: 2}, {Class: 3, ID: 4, Area: 1},
				{Class: 7, ID: 1 | 5<<8, Area: 1}, {Class: 7, ID: 1 | 6<<8, Area: 1}, {Class: 8, ID: 2 | 7<<8, Area: 1},
			}, []uint32{1, 4, 8, 0, 1, 16, 0, 2})
		})
	}
}

func load(t *testing.T, open func(data.OpenOptions) (*labelmap.Dataset, error), c data.OpenOptions) *data.Sample {
	t.Helper()
	set, err := open(c)
	if err != nil {
		t.Fatal(err)
	}
	defer set.Close()
	s, err := set.Load(0)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func check(t *testing.T, s *data.Sample, targets []data.Instance, bits []uint32) {
	t.Helper()
	if diff := cmp.Diff(targets, s.Instances) + cmp.Diff(bits, s.Masks.Bits); diff != "" {
		t.Error(diff)
	}
}

// Semantic maps of another size than the image are resized, as the reference does.
func TestMapOfOtherSize(t *testing.T) {
	root := layouts(t)["folders"]
	raw, err := decode.EncodeLabels([]uint16{1, 4}, 2, 1)
	if err != nil {
		t.Fatal(err)
	}
	archivetest.Files{"ADEChallengeData2016/annotations/training/ADE_train_00000001.png": raw}.Write(t, root)
	s := load(t, ade20k.OpenSemantic, data.OpenOptions{Root: root, Split: "train"})
	check(t, s, []data.Instance{{Class: 0, ID: 1, Area: 4}, {Class: 3, ID: 4, Area: 4}}, []uint32{1, 1, 2, 2, 1, 1, 2, 2})
}

func TestErrors(t *testing.T) {
	root := layouts(t)["folders"]
	overflow, err := decode.EncodeLabels([]uint16{1, 151, 1, 1, 1, 1, 1, 1}, 4, 2)
	if err != nil {
		t.Fatal(err)
	}
	unknown, err := decode.EncodeIDs([]uint32{0, 101 | 1<<8, 0, 0, 0, 0, 0, 0}, 4, 2)
	if err != nil {
		t.Fatal(err)
	}
	archivetest.Files{"annotations_instance/training/ADE_train_00000001.png": unknown}.Write(t, root)
	fails(t, ade20k.OpenPanoptic, data.OpenOptions{Root: root, Split: "train"}, "annotations_instance", "label 357: is at pixel (1, 0)")
	archivetest.Files{"ADEChallengeData2016/annotations/training/ADE_train_00000001.png": overflow}.Write(t, root)
	fails(t, ade20k.OpenSemantic, data.OpenOptions{Root: root, Split: "train"}, "ADE_train_00000001.png: label 151: is at pixel (1, 0)")
	if err := os.RemoveAll(filepath.Join(root, "annotations_instance")); err != nil {
		t.Fatal(err)
	}
	fails(t, ade20k.OpenPanoptic, data.OpenOptions{Root: root, Split: "train"}, "instances", "annotations_instance.zip/annotations_instance/training")
	fails(t, ade20k.OpenSemantic, data.OpenOptions{Root: root, Split: "val"}, "images", "ADEChallengeData2016/images/validation")
	fails(t, ade20k.OpenSemantic, data.OpenOptions{Root: root, Split: "test"}, `split "test"`)
	fails(t, ade20k.OpenSemantic, data.OpenOptions{Root: root + "gone", Split: "val"}, "data.root")
}

func fails(t *testing.T, open func(data.OpenOptions) (*labelmap.Dataset, error), c data.OpenOptions, want ...string) {
	t.Helper()
	set, err := open(c)
	if err == nil {
		defer set.Close()
		_, err = set.Load(0)
	}
	for _, part := range want {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%v lacks %q", err, part)
		}
	}
}
