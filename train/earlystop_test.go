package train

import (
	"context"
	"errors"
	"strings"
	"testing"

	"eomt/checkpoints"
	"eomt/data"
	"eomt/internal/backend/backendtest"
)

func TestEarlyStop(t *testing.T) {
	list := func(values ...float64) (v validations) {
		for i, x := range values {
			v = append(v, checkpoints.Metric{Name: "PQ", Value: x, Step: 10 * (i + 1)})
		}
		return v
	}
	extra := list(.5, .4, .4)
	extra[1].Step = 15 // of a command that was told to stop there
	for name, test := range map[string]struct {
		e    EarlyStop
		v    validations
		want string
	}{
		"off":         {EarlyStop{}, list(.5, .4, .4, .4), ""},
		"none yet":    {EarlyStop{Patience: 1}, nil, ""},
		"first":       {EarlyStop{Patience: 1}, list(.5), ""},
		"patient":     {EarlyStop{Patience: 3}, list(.5, .4, .4), ""},
		"improves":    {EarlyStop{Patience: 2}, list(.5, .4, .6, .5), ""},
		"ends":        {EarlyStop{Patience: 2}, list(.4, .5, .5, .45), "stopped early after step 40: 2 validations in a row have not improved PQ over 0.5 of step 20 by more than 0; the best checkpoint is that of step 20"},
		"by a little": {EarlyStop{Patience: 2, Least: .01}, list(.5, .505, .509), "over 0.5 of step 10 by more than 0.01; the best checkpoint is that of step 30"},
		"in sum":      {EarlyStop{Patience: 2, Least: .01}, list(.5, .505, .511, .52), ""},
		"not due":     {EarlyStop{Patience: 2}, extra, ""},
	} {
		got := test.e.reached(test.v, 10)
		if test.want == "" && got != "" || !strings.Contains(got, test.want) {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

// A run ends early without an error, saved; one that breaks in between and resumes
// ends at the same step, and when it is resumed once more it says so and does nothing.
func TestRunEndsEarly(t *testing.T) {
	values := map[int]float64{1: .3, 2: .5, 3: .5, 4: .2, 5: .9, 6: 1}
	validate := func(_ context.Context, s *State, _ []float64) (checkpoints.Metric, error) {
		return checkpoints.Metric{Name: "PQ", Value: values[s.Step]}, nil
	}
	tr := newTrial(t, backendtest.Go(t))
	var said []string
	tr.Say = func(text string) { said = append(said, text) }
	tr.ValidateEvery, tr.EarlyStop = 1, EarlyStop{Patience: 2}
	lost := errors.New("the disk is gone")
	tr.wrap = func(from Batches) Batches {
		return wrapped(func(ctx context.Context) (*data.Batch, error) {
			batch, err := from.Next(ctx)
			if err == nil && batch.Step == 3 {
				return nil, lost
			}
			return batch, err
		})
	}
	if err := tr.run(t.Context(), tr.fresh(), validate); !errors.Is(err, lost) {
		t.Fatal(err)
	}
	tr.wrap = nil
	for range 2 {
		said = nil
		state := tr.saved()
		if err := tr.run(t.Context(), state, validate); err != nil {
			t.Fatal(err)
		}
		if state.Step != 4 || len(said) != 1 || !strings.Contains(said[0], "stopped early after step 4") {
			t.Fatalf("ended after step %d: %q", state.Step, said)
		}
	}
	if best := tr.saved(); best.Step != 4 || tr.Saved.Best == nil || tr.Saved.Best.Step != 2 {
		t.Errorf("the checkpoint is of step %d, with best %+v", best.Step, tr.Saved.Best)
	}
	// More patience continues it.
	tr.EarlyStop.Patience = 3
	state := tr.saved()
	if err := tr.run(t.Context(), state, validate); err != nil || state.Step != 6 {
		t.Errorf("with more patience it ended after step %d: %v", state.Step, err)
	}
}
