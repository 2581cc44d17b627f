package cocofiles

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"eomt/data"
	"eomt/eval/ap"
	"eomt/eval/pq"
)

// panopticSample writes one image of two ground-truth segments, and as its
// prediction every id of another map as a cat.
func panopticSample(t *testing.T) string {
	t.Helper()
	folder, _ := unpack(t, "panoptic-crowds")
	for file, text := range map[string]string{
		"gt.json": `{"categories": [{"id": 1, "name": "cat", "isthing": 1}, {"id": 2, "name": "sky", "isthing": 0}], "annotations": [
			{"image_id": 1000000, "file_name": "all.png", "segments_info": [
				{"id": 1, "category_id": 1, "area": 4, "iscrowd": 0}, {"id": 2, "category_id": 2, "area": 4, "iscrowd": 0}]}]}`,
		"pred.json": `{"annotations": [{"image_id": 1000000, "file_name": "all.png", "segments_info": [` + allSegments(t, folder) + `]}]}`,
	} {
		if err := os.WriteFile(filepath.Join(folder, file), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// allSegments lists the ids of pred/all.png, all of category 1.
func allSegments(t *testing.T, folder string) string {
	m, err := panopticMap{png: filepath.Join(folder, "pred", "all.png")}.read()
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for id := 1; id <= m.W; id++ {
		list = append(list, `{"id": `+string(rune('0'+id))+`, "category_id": 1}`)
	}
	return strings.Join(list, ", ")
}

func TestPanopticRejects(t *testing.T) {
	for name, c := range map[string]struct{ file, old, new, want string }{
		"missing prediction":  {"pred.json", `"image_id": 1000000`, `"image_id": 5`, "pred.json: image 1000000: missing prediction"},
		"extra prediction":    {"pred.json", `"annotations": [`, `"annotations": [{"image_id": 5, "file_name": "x", "segments_info": []}, `, "pred.json: image 5: extra prediction"},
		"not in JSON":         {"pred.json", `{"id": 1, "category_id": 1}, `, ``, "image 1000000: predicted segment 1 is in the PNG and not in the JSON"},
		"not in PNG":          {"pred.json", `{"id": 1, `, `{"id": 77, "category_id": 1}, {"id": 1, `, "image 1000000: predicted segment 77 is in the JSON and not in the PNG"},
		"unknown category":    {"pred.json", `"category_id": 1`, `"category_id": 9`, "image 1000000: unknown category 9 of predicted segment 1"},
		"duplicate segment":   {"pred.json", `{"id": 1, `, `{"id": 2, "category_id": 1}, {"id": 1, `, "image 1000000: duplicate id: predicted segment 2"},
		"duplicate image":     {"pred.json", `"annotations": [`, `"annotations": [{"image_id": 1000000, "file_name": "x", "segments_info": []}, `, "image 1000000: duplicate id"},
		"truth category":      {"gt.json", `"category_id": 2`, `"category_id": 3`, "image 1000000: unknown category 3 of ground-truth segment 2"},
		"duplicate category":  {"gt.json", `"id": 2, "name"`, `"id": 1, "name"`, "class table: duplicate id 1"},
		"stated area":         {"gt.json", `"area": 4`, `"area": 0`, "image 1000000: ground-truth segment 1: stated area 0"},
		"wrong size":          {"pred.json", `all.png`, `0.png`, "image 1000000: predicted map is"},
		"missing PNG":         {"pred.json", `all.png`, `none.png`, "none.png"},
		"not a PNG":           {"pred.json", `all.png`, `../gt.json`, "gt.json: not a PNG"},
		"no annotations":      {"pred.json", `annotations`, `annotation`, `no "annotations" in it`},
		"no categories":       {"gt.json", `categories`, `category`, `no "categories" in it`},
		"no file name":        {"pred.json", `file_name`, `file`, `annotation 0 has no "file_name"`},
		"no category":         {"pred.json", `category_id`, `category`, `segment has no "category_id"`},
		"broken JSON":         {"pred.json", `]}]}`, `]`, "pred.json: byte "},
		"fraction for number": {"pred.json", `"id": 1,`, `"id": 1.5,`, "number 1.5, want a whole one"},
	} {
		folder := panopticSample(t)
		edit(t, folder, c.file, c.old, c.new)
		files, err := OpenPanoptic(filepath.Join(folder, "gt.json"), "", filepath.Join(folder, "pred.json"), "")
		if err == nil {
			err = scoreFirst(pq.New, files.Classes, files.Image)
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	if _, err := OpenPanoptic("gt.json", "no-such-folder", "pred.json", ""); err == nil || !strings.Contains(err.Error(), "no-such-folder: no such folder") {
		t.Errorf("missing folder: %v", err)
	}
}

// scoreFirst scores image 0 by the exact rule.
func scoreFirst[Rule ~int, Image, Stat any, Evaluator interface{ Image(Image) (Stat, error) }](
	open func(Rule, []data.Class) (Evaluator, error), classes []data.Class, image func(int) (Image, error)) error {
	evaluator, err := open(0, classes)
	if err != nil {
		return err
	}
	img, err := image(0)
	if err != nil {
		return err
	}
	_, err = evaluator.Image(img)
	return err
}

func instanceSample(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	for file, text := range map[string]string{
		"gt.json": `{"images": [{"id": 7, "height": 2, "width": 3}], "categories": [{"id": 1, "name": "cat"}],
			"annotations": [{"id": 4, "image_id": 7, "category_id": 1, "iscrowd": 0, "area": 6, "segmentation": {"size": [2, 3], "counts": [0, 6]}}]}`,
		"pred.json": `[{"image_id": 7, "category_id": 1, "score": 0.5, "segmentation": {"size": [2, 3], "counts": "06"}}]`,
	} {
		if err := os.WriteFile(filepath.Join(folder, file), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

func TestInstancesReject(t *testing.T) {
	annotation := `{"id": 4, "image_id": 7, "category_id": 1, "area": 1, "segmentation": []}, {"id": 4`
	for name, c := range map[string]struct{ file, old, new, want string }{
		"extra prediction":     {"pred.json", `"image_id": 7`, `"image_id": 8`, "pred.json: image 8: detection 0: extra prediction"},
		"unknown category":     {"pred.json", `"category_id": 1`, `"category_id": 2`, "image 7: detection 0: unknown category 2"},
		"truth category":       {"gt.json", `"category_id": 1`, `"category_id": 2`, "image 7: annotation 4: unknown category 2"},
		"NaN score":            {"pred.json", `0.5`, `NaN`, "image 7: detection 0: score is NaN"},
		"infinite score":       {"pred.json", `0.5`, `-Infinity`, "image 7: detection 0: score is -Inf"},
		"duplicate image":      {"gt.json", `{"id": 7,`, `{"id": 7, "height": 1, "width": 1}, {"id": 7,`, "image 7: duplicate id"},
		"duplicate annotation": {"gt.json", `{"id": 4`, annotation, "image 7: annotation 4: duplicate id"},
		"duplicate category":   {"gt.json", `{"id": 1,`, `{"id": 1}, {"id": 1,`, "class table: duplicate id 1"},
		"annotation's image":   {"gt.json", `"image_id": 7`, `"image_id": 8`, "annotation 4: its image 8 is not among the images"},
		"wrong size":           {"pred.json", `[2, 3]`, `[3, 2]`, "image 7: detection 0: wrong size: mask of [3 2] (height, width), image of [2 3]"},
		"wrong runs":           {"pred.json", `"06"`, `"05"`, "image 7: detection 0: rle: runs add up to 5 pixels"},
		"broken string":        {"pred.json", `"06"`, `"0!"`, "image 7: detection 0: rle: string"},
		"negative run":         {"gt.json", `[0, 6]`, `[0, -6]`, "image 7: annotation 4: segmentation: byte 33: run of -6 pixels"},
		"no polygon":           {"gt.json", `{"size": [2, 3], "counts": [0, 6]}`, `[]`, "image 7: annotation 4: rle: no polygon"},
		"odd polygon":          {"gt.json", `{"size": [2, 3], "counts": [0, 6]}`, `[[1, 2, 3]]`, "image 7: annotation 4: rle: polygon 1 of 1: 3 numbers"},
		"no segmentation":      {"pred.json", `"segmentation"`, `"mask"`, `no "segmentation"`},
		"null segmentation":    {"pred.json", `{"size": [2, 3], "counts": "06"}`, `null`, "segmentation is neither polygons nor"},
		"no counts":            {"pred.json", `"counts"`, `"count"`, `image 7: detection 0: segmentation: byte 31: segmentation has no "counts"`},
		"no score":             {"pred.json", `"score"`, `"s"`, `annotation 0 of image 7 has no "score"`},
		"not a list":           {"pred.json", `[{`, `{"a": [{`, "pred.json: byte 0: not a COCO results file"},
		"cut off":              {"pred.json", `}}]`, `}}`, "pred.json: byte "},
		"no height":            {"gt.json", `"height"`, `"h"`, `image 7 has no "height"`},
		"no images":            {"gt.json", `"images"`, `"pictures"`, `file has no "images"`},
	} {
		folder := instanceSample(t)
		edit(t, folder, c.file, c.old, c.new)
		files, err := OpenInstances(filepath.Join(folder, "gt.json"), filepath.Join(folder, "pred.json"))
		if err == nil {
			err = scoreFirst(ap.New, files.Classes, files.Image)
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	if _, err := OpenInstances("none.json", "pred.json"); err == nil || !strings.Contains(err.Error(), "none.json") {
		t.Errorf("missing file: %v", err)
	}
	folder := instanceSample(t)
	edit(t, folder, "pred.json", `[{`, `[{"image_id": 7, "category_id": 1, "score": 1, "bbox": [0, 0, 1, 1], "segmentation": {"size": [2, 3], "counts": "06"}}, {`)
	if _, err := OpenInstances(filepath.Join(folder, "gt.json"), filepath.Join(folder, "pred.json")); err == nil || !strings.Contains(err.Error(), "image 7: detection 1: no box") {
		t.Errorf("missing box: %v", err)
	}
}

// A null is as if the key were left out, as for pycocotools.
func TestNullsAreAccepted(t *testing.T) {
	folder := instanceSample(t)
	edit(t, folder, "gt.json", `"iscrowd": 0`, `"iscrowd": null, "bbox": null`)
	edit(t, folder, "gt.json", `"name": "cat"`, `"name": null, "isthing": null`)
	files, err := OpenInstances(filepath.Join(folder, "gt.json"), filepath.Join(folder, "pred.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := scoreFirst(ap.New, files.Classes, files.Image); err != nil {
		t.Error(err)
	}
}

func FuzzInstances(f *testing.F) {
	f.Add(`{"images": [{"id": 7, "height": 2, "width": 3}], "categories": [{"id": 1}], "annotations": [{"id": 4, "image_id": 7, "category_id": 1, "area": 6, "segmentation": [[0, 0, 3, 0, 3, 2]]}]}`,
		`[{"image_id": 7, "category_id": 1, "score": 0.5, "segmentation": {"size": [2, 3], "counts": "06"}}]`)
	f.Fuzz(func(t *testing.T, truth, pred string) {
		folder := t.TempDir()
		truthJSON, predJSON := filepath.Join(folder, "gt.json"), filepath.Join(folder, "pred.json")
		if os.WriteFile(truthJSON, []byte(truth), 0o644) != nil || os.WriteFile(predJSON, []byte(pred), 0o644) != nil {
			t.Skip()
		}
		files, err := OpenInstances(truthJSON, predJSON)
		if err != nil || files.Len() == 0 || files.images[0].h > 1000 || files.images[0].w > 1000 {
			return
		}
		scoreFirst(ap.New, files.Classes, files.Image) // must not panic
	})
}

func FuzzPanoptic(f *testing.F) {
	f.Add(`{"categories": [{"id": 1, "isthing": 1}], "annotations": [{"image_id": 1, "file_name": "a.png", "segments_info": [{"id": 1, "category_id": 1, "area": 4}]}]}`,
		`{"annotations": [{"image_id": 1, "file_name": "a.png", "segments_info": [{"id": 1, "category_id": 1}]}]}`)
	f.Fuzz(func(t *testing.T, truth, pred string) {
		folder := t.TempDir()
		truthJSON, predJSON := filepath.Join(folder, "gt.json"), filepath.Join(folder, "pred.json")
		if os.WriteFile(truthJSON, []byte(truth), 0o644) != nil || os.WriteFile(predJSON, []byte(pred), 0o644) != nil {
			t.Skip()
		}
		files, err := OpenPanoptic(truthJSON, folder, predJSON, folder)
		if err == nil && files.Len() > 0 {
			files.Image(0) // must not panic; there are no PNGs
		}
	})
}
