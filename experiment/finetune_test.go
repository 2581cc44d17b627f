package experiment

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"eomt/checkpoints/weights"
)

// A run with every choice of fine-tuning that is stopped and resumed leaves the files of
// one that ran through, to the bit.
func TestFineTunedRunResumes(t *testing.T) {
	path, _ := tiny(t)
	base := filepath.Join(t.TempDir(), "base")
	a, err := read(t, path).Model.Architecture(20)
	if err != nil {
		t.Fatal(err)
	}
	if err := weights.Random(a, 7).WriteNative(base); err != nil {
		t.Fatal(err)
	}
	c := read(t, path, "weights="+base, "new_parameters=[class_head.]", "train.total_steps=5", "train.validate_every=2",
		"train.freeze=[mask_head]", "train.multipliers={lora: 3, class_head: 2}", "train.lora={rank: 2, targets: [q, fc1]}", "train.ema=0.9",
		"train.early_stop.patience=3", "data.sampling=balanced", "data.sampling_threshold=1")
	out := map[string]string{"through": filepath.Join(t.TempDir(), "a"), "stopped": filepath.Join(t.TempDir(), "b")}
	train := func(o Options) {
		run, _, err := open(t, c, o)
		if err != nil {
			t.Fatal(err)
		}
		if err := run.Train(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := run.Close(); err != nil {
			t.Fatal(err)
		}
	}
	train(Options{Dir: out["through"]})
	train(Options{Dir: out["stopped"], MaxSteps: 2})
	train(Options{Dir: out["stopped"], MaxSteps: 4, Resume: ResumeAlways})
	train(Options{Dir: out["stopped"], Resume: ResumeAlways})
	for _, name := range []string{"checkpoints/step-00000005/params.safetensors", "checkpoints/step-00000005/ema.safetensors",
		"checkpoints/step-00000005/optimizer.safetensors", "checkpoints/step-00000005/state.json", "validations.json"} {
		var files [2][]byte
		for i, dir := range []string{out["through"], out["stopped"]} {
			if files[i], err = os.ReadFile(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(files[0], files[1]) {
			t.Errorf("%s of the resumed run differs", name)
		}
	}
}
