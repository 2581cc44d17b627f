package experiment

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/gomlx/compute"

	"eomt/configs"
	"eomt/internal/backend"
	"eomt/train"
)

// compileAs is a compiler of plans like those of planOf: with train.remat=blocks an image
// takes half; so many shares take more than estimated.
func compileAs(large int) func(context.Context, *Plan) error {
	return func(_ context.Context, q *Plan) error {
		q.Compiled = planOf(q.Limit, q.shares()).Compiled
		for i := range q.Compiled {
			program := &q.Compiled[i].Program
			if q.shares() > 1 {
				program.Arguments, program.Outputs = 6, 2
			}
			if q.Config.Remat() == "blocks" {
				program.Temporary /= 2
			}
			if q.shares() == large {
				program.Temporary = 1 << 20
			}
		}
		return nil
	}
}

// train.fit derives the smallest number of shares that fits as compiled, estimates
// aside, and train.remat=blocks where none does without.
func TestFit(t *testing.T) {
	for _, c := range []struct {
		limit      int64
		accumulate int // configured
		compiled   int // shares that take more than is estimated, so that they do not fit
		want       int // 0: nothing fits
		remat      string
	}{
		{100, 1, 0, 1, "none"}, {99, 1, 0, 2, "none"}, {53, 1, 0, 4, "none"}, {99, 1, 2, 4, "none"}, {60, 2, 0, 4, "none"}, {24, 1, 0, 8, "none"},
		{23, 1, 0, 8, "blocks"}, {18, 1, 0, 0, ""}, {24, 1, 8, 4, "blocks"},
	} {
		p := planOf(c.limit, c.accumulate)
		p.Config.Train.Fit, p.Config.Train.Remat = "24GiB", "none"
		err := p.fit(t.Context(), compileAs(c.compiled))
		var e *FitError
		if c.want == 0 {
			if !errors.As(err, &e) || !strings.Contains(err.Error(), "training does not fit: data.batch=8 takes 60 B, ") || !strings.Contains(err.Error(), ": one image takes 19 B") {
				t.Errorf("%+v: %v", c, err)
			}
			continue
		}
		said := fmt.Sprintf("train.fit=24GiB: train.accumulate=%d and train.remat=%s, shares of %s, ", c.want, c.remat, count(8/c.want, "image"))
		if err != nil || p.shares() != c.want || p.Config.Derived.Accumulate != c.want || !strings.HasPrefix(p.advice(), said) {
			t.Errorf("%+v: %d shares, %q, %v", c, p.shares(), p.advice(), err)
		}
	}
}

// Devices share out the images of each share; what each takes is compared with its limit.
func TestPlanOnDevices(t *testing.T) {
	p := planOf(59, 1)
	p.Devices = []compute.DeviceNum{0, 1}
	if err := compileAs(0)(t.Context(), p); err != nil || p.atOnce() != 4 {
		t.Fatalf("%d images at once, %v", p.atOnce(), err)
	}
	p.Compiled = [2]PlanPoint{{2, p.At(2)}, {4, p.At(4)}}
	for limit, want := range map[int64]string{
		60: "data.batch=8 on 2 devices fits",
		54: "data.batch=8 on 2 devices takes 60 B: -set train.accumulate=2 has the same gradient in shares of 4 images, about 34 B; -set data.batch=6",
		23: "one image takes 24 B",
	} {
		if p.Limit = limit; !strings.Contains(p.advice(), want) {
			t.Errorf("%d: %q, want %q", limit, p.advice(), want)
		}
	}
}

// Where no shares fit, the plan compiles with train.remat=blocks and says what fits then.
func TestPlanWithRecomputation(t *testing.T) {
	for limit, want := range map[int64]string{
		24: "-set train.accumulate=8 has the same gradient",
		23: "data.batch=8 takes 100 B: -set train.remat=blocks -set train.accumulate=8 has the same gradient in shares of 1 image and computes blocks twice, about 19 B.",
		18: "data.batch=8 takes 100 B: one image takes 24 B: set a smaller model.size",
	} {
		p := planOf(limit, 1)
		if err := p.recompute(t.Context(), compileAs(0)); err != nil || !strings.Contains(p.advice(), want) {
			t.Errorf("%d: %q, want %q, %v", limit, p.advice(), want, err)
		}
	}
}

func TestFitNeedsACompilerThatReports(t *testing.T) {
	path, _ := tiny(t)
	_, _, err := open(t, read(t, path, "train.fit=24GiB"), Options{Dir: t.TempDir()})
	var e *configs.FieldError
	if !errors.As(err, &e) || !strings.Contains(err.Error(), "train.fit: the compiler of backend go reports no memory: take -backend xla:cpu or xla:cuda, or state train.accumulate") {
		t.Errorf("%v", err)
	}
}

// A run that does not fit ends when its step is compiled, before it runs, with the
// plan's table and what to set; so does one whose backend runs out of memory.
func TestTrainingThatDoesNotFit(t *testing.T) {
	if !backend.HasPlugin("cpu") {
		t.Skip("no PJRT plugin here: `make setup` fetches it")
	}
	path, _ := tiny(t)
	c := read(t, path, "model.image=[32, 32]", "model.blocks=1")
	var notes strings.Builder
	run, err := Open(t.Context(), c, Options{Dir: t.TempDir(), Backend: "xla:cpu", Notes: &notes})
	if err != nil {
		t.Fatal(err)
	}
	defer run.Close()
	step, err := train.NewStep(run.device, StepConfig(run.Config, run.network))
	if err != nil {
		t.Fatal(err)
	}
	p := run.plan(8, run.held())
	if err := run.fits(t.Context(), step, p); err != nil || step.Programs() != 1 {
		t.Fatalf("%d programs, %v", step.Programs(), err)
	}
	exhausted := errors.New("RESOURCE_EXHAUSTED: Out of memory allocating 9 bytes")
	if !outOfMemory(fmt.Errorf("step 0: %w", exhausted)) || outOfMemory(nil) || outOfMemory(errors.New("no such image")) {
		t.Error("errors for want of memory are not told from others")
	}
	err = run.tooLarge(t.Context(), step, p, exhausted)
	for _, want := range []string{"training does not fit: data.batch=2 takes ", " and the backend ran out of memory: -set train.accumulate=2 has the same gradient in shares of 1 image"} {
		if !errors.Is(err, exhausted) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v, want %q", err, want)
		}
	}
	if !strings.Contains(notes.String(), "temporary memory") || !strings.Contains(notes.String(), "peak per device") {
		t.Errorf("no table: %q", notes.String())
	}
	p.Limit, p.LimitIs = 1<<10, "of the device"
	var e *FitError
	if err := run.fits(t.Context(), step, p); !errors.As(err, &e) || !strings.Contains(err.Error(), "1.00 KiB is there (of the device): one image takes ") {
		t.Errorf("%v", err)
	}
}
