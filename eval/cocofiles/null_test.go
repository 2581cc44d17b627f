package cocofiles

import (
	"os"
	"path/filepath"
	"testing"
)

// pycocotools takes a null iscrowd as false and reads no box of a ground truth.
func TestNulls(t *testing.T) {
	dir := t.TempDir()
	for file, text := range map[string]string{
		"gt.json": `{"images": [{"id": 1, "height": 2, "width": 2}], "categories": [{"id": 1}], "annotations": [
			{"id": 1, "image_id": 1, "category_id": 1, "iscrowd": null, "bbox": null, "area": 1, "segmentation": {"size": [2, 2], "counts": [0, 1, 3]}}]}`,
		"pred.json": `[{"image_id": 1, "category_id": 1, "score": 1, "bbox": null, "segmentation": {"size": [2, 2], "counts": [0, 1, 3]}}]`,
	} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	set, err := OpenInstances(filepath.Join(dir, "gt.json"), filepath.Join(dir, "pred.json"))
	if err != nil {
		t.Fatal(err)
	}
	img, err := set.Image(0)
	if err != nil || len(img.Truths) != 1 || img.Truths[0].Crowd || len(img.Detections) != 1 || img.Detections[0].Area != 1 {
		t.Errorf("%+v, %v", img, err)
	}
}
