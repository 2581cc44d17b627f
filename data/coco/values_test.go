package coco_test

import (
	"path/filepath"
	"strings"
	"testing"

	"eomt/data"
	"eomt/data/coco"

	"github.com/google/go-cmp/cmp"
)

// A null is as if the key were left out, as for pycocotools.
func TestNulls(t *testing.T) {
	root := tinySet(t)
	text := strings.NewReplacer(
		`"iscrowd": 0, "area": 8.5`, `"iscrowd": null, "bbox": null, "area": null`,
		`"name": "a"`, `"name": "a", "isthing": null, "color": null, "supercategory": null`,
		`"000000000001.jpg"`, `"000000000001.jpg", "width": null, "height": null, "license": null`,
	).Replace(tinyInstances)
	set, err := openInstance(t, root, text, false)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		s := load(t, set, i)
		if diff := cmp.Diff([]data.Instance{{Class: 1 - i, ID: int64(70 + 10*i)}}, s.Instances); diff != "" {
			t.Error(diff)
		}
	}
	for _, c := range set.Classes() {
		if !c.Thing || c.Color == [3]uint8{} {
			t.Errorf("class %+v", c)
		}
	}
	if set, err = openInstance(t, root, strings.Replace(tinyInstances, "[[1, 1, 5, 1, 5, 5.5]]", "null", 1), false); err != nil {
		t.Fatal(err)
	}
	if area := load(t, set, 0).Masks.Areas(1)[0]; area != 0 {
		t.Errorf("a segmentation of null has %d pixels", area)
	}
}

func TestPanopticNulls(t *testing.T) {
	root := tinySet(t)
	write(t, filepath.Join(root, "annotations", "panoptic_train2017.json"), `{
		"images": [{"id": 1, "file_name": "000000000001.jpg", "coco_url": null}], "categories": [{"id": 1, "name": null}],
		"annotations": [{"image_id": 1, "file_name": "000000000001.png", "segments_info": [
			{"id": 9, "category_id": 1, "iscrowd": null, "bbox": null, "area": null}]}]}`)
	set, err := coco.OpenPanoptic(data.OpenOptions{Root: root, Split: "train"})
	if err != nil {
		t.Fatal(err)
	}
	set.Close()
}

// Ids up to 2^53 are compared in full.
func TestWideIDs(t *testing.T) {
	root := tinySet(t)
	text := strings.NewReplacer(`"id": 1,`, `"id": 4294967299,`, `"category_id": 1`, `"category_id": 4294967299`,
		`"id": 8,`, `"id": 4294967303,`, `"image_id": 8`, `"image_id": 4294967303`, `"id": 80`, `"id": 4294967366`).Replace(tinyInstances)
	set, err := openInstance(t, root, text, false)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []struct {
		image int64
		data.Instance
	}{{7, data.Instance{Class: 0, ID: 70, Area: 8.5}}, {4294967303, data.Instance{Class: 1, ID: 4294967366, Area: 8.5}}} {
		s := load(t, set, i)
		if diff := cmp.Diff([]data.Instance{want.Instance}, s.Instances); diff != "" || s.ImageID != want.image {
			t.Errorf("image %d: %s", s.ImageID, diff)
		}
	}
	if ids := []int{set.Classes()[0].ID, set.Classes()[1].ID}; ids[0] != 3 || ids[1] != 4294967299 {
		t.Errorf("category ids %v", ids)
	}

	write(t, filepath.Join(root, "annotations", "panoptic_train2017.json"), `{
		"images": [{"id": 1, "file_name": "000000000001.jpg"}], "categories": [{"id": 1, "name": "a"}],
		"annotations": [{"image_id": 1, "file_name": "000000000001.png", "segments_info": [{"id": 9, "category_id": 4294967297}]}]}`)
	_, err = coco.OpenPanoptic(data.OpenOptions{Root: root, Split: "train"})
	if err == nil || !strings.Contains(err.Error(), "segment 9 of image 1 (000000000001.png): category_id 4294967297 is not among the categories") {
		t.Errorf("panoptic: %v", err)
	}
}
