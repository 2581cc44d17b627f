package experiment

import (
	"path/filepath"
	"strings"
	"testing"
)

// A finished run goes on for more steps and says what becomes of its schedules; its
// original configuration, which is of fewer steps, is refused from then on.
func TestFinishedRunIsExtended(t *testing.T) {
	path, _ := tiny(t)
	out := filepath.Join(t.TempDir(), "run")
	train := func(resume Resume, overrides ...string) (string, error) {
		run, notes, err := open(t, read(t, path, overrides...), Options{Dir: out, Resume: resume})
		if err != nil {
			return notes, err
		}
		if err := run.Train(t.Context()); err != nil {
			return notes, err
		}
		if run.State.Step != run.Config.Derived.Steps {
			t.Errorf("ended after step %d of %d", run.State.Step, run.Config.Derived.Steps)
		}
		return notes, run.Close()
	}
	if _, err := train(ResumeNever); err != nil {
		t.Fatal(err)
	}
	if notes, err := train(ResumeAlways); err != nil || strings.Contains(notes, "learning rates") {
		t.Errorf("resumed when it was finished: %v, %s", err, notes)
	}
	notes, err := train(ResumeAlways, "train.total_steps=4")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"train.total_steps 2 -> 4", "the run is of 4 steps instead of 2, 2 of them done", "and reach 0 at step 4"} {
		if !strings.Contains(notes, want) {
			t.Errorf("%q lacks %q", notes, want)
		}
	}
	_, err = train(ResumeAlways)
	if want := "has done 4 steps, this configuration trains 2: name more (-set train.total_steps=N) or take -config " + filepath.Join(out, "config.yaml"); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v lacks %q", err, want)
	}
}
