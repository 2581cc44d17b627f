package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// With data.keep_empty, images without annotations and images of crowds alone are
// trained on as they are: nothing replaces them, and the class loss is finite.
func TestTrainingOnNegatives(t *testing.T) {
	b := newBench(t, "instance")
	b.generate()
	path := filepath.Join(b.root, "annotations", "instances_train2017.json")
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var file map[string]json.RawMessage
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	file["annotations"] = json.RawMessage(`[{"id": 1, "image_id": 1, "category_id": 1, "iscrowd": 1, "area": 9,
		"segmentation": {"size": [64, 64], "counts": [0, 9, 4087]}}]`)
	if raw, err = json.Marshal(file); err != nil {
		t.Fatal(err)
	}
	b.write(path, string(raw))
	if _, err := b.train("-max-steps", "2"); err == nil || !strings.Contains(err.Error(), "1 samples are fewer than one batch of 2") {
		t.Errorf("without keep_empty: %v", err)
	}
	if _, err := b.train("-max-steps", "2", "-set", "data.keep_empty=true"); err != nil {
		t.Fatal(err)
	}
	if raw, err = os.ReadFile(filepath.Join(b.out, "metrics.jsonl")); err != nil {
		t.Fatal(err)
	}
	lines := bytes.Split(bytes.TrimSpace(raw), []byte("\n"))
	for _, line := range lines {
		var entry struct {
			Loss, Matched float64
			Class         []float64 `json:"loss_class"`
			Mask          []float64 `json:"loss_mask"`
		}
		if err := json.Unmarshal(line, &entry); err != nil {
			t.Fatal(err)
		}
		if entry.Matched != 0 || !(entry.Loss > 0) || entry.Mask[0] != 0 || !(entry.Class[0] > 0) {
			t.Errorf("%s", line)
		}
	}
	if len(lines) != 2 {
		t.Errorf("%d steps are logged, want 2", len(lines))
	}
}
