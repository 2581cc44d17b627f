package experiment

import (
	"io/fs"
	"path/filepath"
	"testing"

	"eomt/configs"
)

// Every configuration resolves without its data set at hand: to the steps of whole
// epochs, with masks annealed in order and in time.
func TestConfigurationsResolve(t *testing.T) {
	steps := map[string]int{
		"coco-panoptic-eomt-l-640":           88704, // 12 epochs of 118,287 images by 16
		"coco-panoptic-eomt-s-640-2x":        177408,
		"coco-instance-eomt-l-1280":          87948, // 117,266 of them have instances
		"ade20k-semantic-eomt-l-512":         39153,
		"ade20k-semantic-eomt-dinov3-l-512":  20208,
		"cityscapes-semantic-eomt-l-1024":    19795,
		"coco-panoptic-eomt-dinov3-b-640-2x": 177408,
		"ade20k-panoptic-eomt-g-1280":        39153,
		"coco-instance-eomt-dinov3-l-640":    87948,
		"coco-panoptic-eomt-dinov3-l-1280":   88704,
		"quickstart":                         200,
		"overfit-real":                       400,
	}
	root := filepath.Join("..", "configs")
	err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".yaml" {
			return err
		}
		c, err := configs.Read(path)
		if err != nil {
			return err
		}
		images, classes, err := Counts(c)
		if err != nil {
			return err
		}
		r, m, err := Resolve(c, images, classes)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			return nil
		}
		if want, ok := steps[c.Name]; ok && r.Derived.Steps != want {
			t.Errorf("%s: %d steps, want %d", path, r.Derived.Steps, want)
		}
		delete(steps, c.Name)
		spans := r.Train.Schedule.Schedule(r.Derived.Steps, r.Derived.Annealing).Annealing
		if !c.Train.Schedule.Annealing.Off && len(spans) != m.AnnealedBlocks() {
			t.Errorf("%s: %d annealing spans for %d blocks", path, len(spans), m.AnnealedBlocks())
		}
		for k, span := range spans {
			if span.Start < 0 || span.End <= span.Start || span.End > r.Derived.Steps || k > 0 && span.Start < spans[k-1].Start {
				t.Errorf("%s: annealing %v in %d steps", path, spans, r.Derived.Steps)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	for name := range steps {
		t.Errorf("no configuration is named %s", name)
	}
}
