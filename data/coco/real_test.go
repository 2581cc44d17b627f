package coco_test

import (
	"os"
	"path/filepath"
	"testing"

	"eomt/data"
	"eomt/data/coco"
)

// realData returns a folder of the shared real samples, or skips.
func realData(t testing.TB, name string) string {
	dir := filepath.Join("..", "..", "..", "shared", "realdata", name)
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("real samples are not at %s", dir)
	}
	return dir
}

func load(t testing.TB, set *coco.Dataset, i int) *data.Sample {
	t.Helper()
	sample, err := set.Load(i)
	if err != nil {
		t.Fatal(err)
	}
	return sample
}

func TestRealInstances(t *testing.T) {
	root := realData(t, "coco_instance")
	for _, test := range []struct {
		split         string
		keep          bool
		images, empty int
		annotations   int
	}{
		{"train", false, 26, 0, 333},
		{"val", false, 25, 2, 316}, // 58636 and 226111 have no annotation
		{"val", true, 27, 0, 316},
	} {
		set, err := coco.OpenInstance(data.OpenOptions{Root: root, Split: test.split, KeepEmpty: test.keep})
		if err != nil {
			t.Fatal(err)
		}
		defer set.Close()
		if set.Len() != test.images || set.Dropped() != test.empty {
			t.Errorf("%s: %d images, %d dropped, want %d and %d", test.split, set.Len(), set.Dropped(), test.images, test.empty)
		}
		total := 0
		for i := range set.Len() {
			sample := load(t, set, i)
			total += len(sample.Instances)
			checkAreas(t, sample)
		}
		if total != test.annotations {
			t.Errorf("%s: %d annotations, want %d", test.split, total, test.annotations)
		}
		if got := set.Classes(); len(got) != 80 || got[79].Name != "toothbrush" || got[79] != coco.InstanceClasses()[79] {
			t.Errorf("class table differs from COCO's: %v", got)
		}
	}
}

// checkAreas compares the painted masks with the areas that the file states. COCO
// computed these from the polygons, not from pixels, and polygon parts that
// overlap are counted twice, hence the tolerance.
func checkAreas(t *testing.T, sample *data.Sample) {
	t.Helper()
	painted := sample.Masks.Areas(len(sample.Instances))
	for m, instance := range sample.Instances {
		stated := instance.Area
		if diff := float64(painted[m]) - stated; diff > 40+.15*stated || diff < -40-.15*stated {
			t.Errorf("%s: annotation %d: %d pixels, but the file states an area of %.1f", sample.Name, instance.ID, painted[m], stated)
		}
	}
}

func TestRealPanoptic(t *testing.T) {
	root := realData(t, "coco_panoptic/panopticapi_sample")
	set, err := coco.OpenPanoptic(data.OpenOptions{
		Root: root, Files: data.Files{Images: "input_images", Annotations: "panoptic_examples.json", Masks: "panoptic_examples"},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer set.Close()
	checkPanoptic(t, set, 2)
	for i, want := range coco.PanopticClasses() {
		if got := set.Classes()[i]; got != want {
			t.Errorf("class %d: %+v, want %+v", i, got, want)
		}
	}
}

// The real annotation of image 397133 has a segment with a misspelled "bbox" key.
func TestSpoiledKey(t *testing.T) {
	set, err := coco.OpenPanoptic(data.OpenOptions{
		Root: realData(t, "coco_panoptic/397133"),
		Files: data.Files{
			Images:      filepath.Join(mustAbs(t, realData(t, "coco_instance")), "val2017"),
			Annotations: "000000397133.json",
			Masks:       ".",
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer set.Close()
	checkPanoptic(t, set, 1)
}

func mustAbs(t *testing.T, path string) string {
	abs, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return abs
}

// checkPanoptic requires that each segment has exactly as many pixels as the file states.
func checkPanoptic(t *testing.T, set *coco.Dataset, images int) {
	t.Helper()
	if set.Len() != images {
		t.Fatalf("%d images, want %d", set.Len(), images)
	}
	for i := range images {
		sample := load(t, set, i)
		for m, area := range sample.Masks.Areas(len(sample.Instances)) {
			if float64(area) != sample.Instances[m].Area {
				t.Errorf("%s: segment %d: %d pixels, want %v", sample.Name, sample.Instances[m].ID, area, sample.Instances[m].Area)
			}
		}
	}
}
