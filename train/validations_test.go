package train

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"eomt/checkpoints"
	"eomt/internal/backend/backendtest"
)

// scores validates with given values by step and lists the steps it was asked for.
type scores struct {
	values map[int]float64
	seen   []int
}

func (s *scores) validate(_ context.Context, state *State, _ []float64) (checkpoints.Metric, error) {
	s.seen = append(s.seen, state.Step)
	return checkpoints.Metric{Name: "PQ", Value: s.values[state.Step], Step: state.Step}, nil
}

// wantBest fails unless best is the checkpoint of step, which is there, and no later
// state names another.
func (tr *trial) wantBest(step int) {
	tr.t.Helper()
	best, err := os.Readlink(filepath.Join(tr.dir, "checkpoints", checkpoints.Best))
	if want := fmt.Sprintf("step-%08d", step); err != nil || best != want {
		tr.t.Errorf("best is %q, %v, want %s", best, err, want)
	}
	loaded, err := checkpoints.Load(filepath.Join(tr.dir, "checkpoints", checkpoints.Best))
	if err != nil {
		tr.t.Fatal(err)
	}
	loaded.Close()
}

// A resumed run whose validations are worse keeps the best checkpoint of before,
// although its state was saved before it was validated.
func TestBestSurvivesResume(t *testing.T) {
	tr := newTrial(t, backendtest.Go(t))
	tr.Stop, tr.ValidateEvery, tr.Keep = 2, 2, 1
	s := scores{values: map[int]float64{2: 0.7, 4: 0.1, 6: 0.2}}
	if err := tr.run(t.Context(), tr.fresh(), s.validate); err != nil {
		t.Fatal(err)
	}
	tr.wantBest(2)
	tr.Stop = 6
	if err := tr.run(t.Context(), tr.saved(), s.validate); err != nil {
		t.Fatal(err)
	}
	tr.wantBest(2)
	if fmt.Sprint(s.seen) != "[2 4 6]" {
		t.Errorf("validated after %v", s.seen)
	}
}

// A run killed at any point of a validation resumes to the same best checkpoint.
func TestKilledAroundAValidation(t *testing.T) {
	for name, test := range map[string]struct {
		undo func(dir string) error // takes back what a kill would have prevented
		want string
	}{
		"before the list was written": {func(dir string) error {
			return os.Remove(filepath.Join(dir, ValidationsFile))
		}, "[2 2 4]"},
		"before the link was set": {func(dir string) error {
			return os.Remove(filepath.Join(dir, "checkpoints", checkpoints.Best))
		}, "[2 4]"},
		"after all": {func(string) error { return nil }, "[2 4]"},
	} {
		t.Run(name, func(t *testing.T) {
			tr := newTrial(t, backendtest.Go(t))
			tr.Stop, tr.ValidateEvery, tr.Keep = 2, 2, 1
			s := scores{values: map[int]float64{2: 0.7, 4: 0.1}}
			if err := tr.run(t.Context(), tr.fresh(), s.validate); err != nil {
				t.Fatal(err)
			}
			if err := test.undo(tr.dir); err != nil {
				t.Fatal(err)
			}
			tr.Stop = 4
			if err := tr.run(t.Context(), tr.saved(), s.validate); err != nil {
				t.Fatal(err)
			}
			tr.wantBest(2)
			if fmt.Sprint(s.seen) != test.want {
				t.Errorf("validated after %v, want %s", s.seen, test.want)
			}
		})
	}
}

// The run folder of an earlier version has no list of validations: its checkpoint
// states the best.
func TestBestOfAnEarlierVersion(t *testing.T) {
	tr := newTrial(t, backendtest.Go(t))
	tr.Stop, tr.ValidateEvery, tr.Keep = 3, 2, 1
	s := scores{values: map[int]float64{2: 0.7, 3: 0.1, 4: 0.2}}
	if err := tr.run(t.Context(), tr.fresh(), s.validate); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(tr.dir, ValidationsFile)); err != nil {
		t.Fatal(err)
	}
	tr.Stop = 4
	if err := tr.run(t.Context(), tr.saved(), s.validate); err != nil {
		t.Fatal(err)
	}
	tr.wantBest(2)
}

func TestValidationsThatCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, ValidationsFile)
	if err := os.WriteFile(path, []byte("["), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := openValidations(dir, 0, nil); err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "remove the file") {
		t.Errorf("got %v", err)
	}
}

// Results over different numbers of images are not compared: the last says how many
// count.
func TestBestComparesEqualSubsets(t *testing.T) {
	list := validations{{Value: .9, Step: 1, Images: 2}, {Value: .5, Step: 2}, {Value: .4, Step: 3}}
	if best := list.best(); best == nil || best.Step != 2 {
		t.Errorf("best of whole validations: %+v", best)
	}
	if best := list[:1].best(); best == nil || best.Step != 1 {
		t.Errorf("best of subsets: %+v", best)
	}
	early := EarlyStop{Patience: 1}
	if why := early.reached(validations{{Value: .9, Step: 1, Images: 2}, {Value: .5, Step: 2}}, 1); why != "" {
		t.Errorf("a subset's result stops a run: %s", why)
	}
	if why := early.reached(list, 1); why == "" {
		t.Error("two whole validations without improvement")
	}
}
