package experiment

import (
	"path/filepath"
	"strings"
	"testing"

	"eomt/checkpoints"
	"eomt/internal/backend/backendtest"
	"eomt/train"
)

// A run on two devices, which share out its moments and averages, continued on one: both
// validate, and both say what they run on.
func TestRunOnDevices(t *testing.T) {
	backendtest.Devices(t, 2)
	path, _ := tiny(t)
	dir := filepath.Join(t.TempDir(), "run")
	var notes strings.Builder
	for _, start := range []struct {
		devices string
		steps   int
	}{{"2", 1}, {"1", 2}} {
		run, err := Open(t.Context(), read(t, path, "train.devices="+start.devices, "train.shard_optimizer=true", "train.ema=0.9"), Options{Dir: dir, Backend: "xla:cpu", Resume: ResumeAuto, MaxSteps: start.steps, Notes: &notes})
		if err != nil {
			t.Fatal(err)
		}
		if err := run.Train(t.Context()); err != nil {
			t.Fatal(err)
		}
		if r := run.Result(); r == nil || len(r.Records) != 2 {
			t.Errorf("%s devices: result %v", start.devices, r)
		}
		if err := run.Close(); err != nil {
			t.Error(err)
		}
	}
	for _, want := range []string{"2 of 2 devices, 1 images at once on each: ", "each device keeps 1/2 of the optimizer's slots", "train.shard_optimizer changes nothing: the run has one device", "resuming " + dir + " after step 1"} {
		if !strings.Contains(notes.String(), want) {
			t.Errorf("%q is missing:\n%s", want, notes.String())
		}
	}
	p, err := train.ReadProvenance(dir)
	if err != nil || len(p.Devices) != 2 || len(p.Starts()) != 2 || len(p.Starts()[1].Devices) != 1 {
		t.Errorf("%+v, %v", p, err)
	}
	if loaded, err := checkpoints.Load(dir); err != nil || loaded.State.Step != 2 {
		t.Errorf("%v", err)
	} else {
		loaded.Close()
	}
}

func TestRunOnTooManyDevices(t *testing.T) {
	path, _ := tiny(t)
	_, _, err := open(t, read(t, path, "train.devices=2"), Options{Dir: filepath.Join(t.TempDir(), "run")})
	if err == nil || !strings.Contains(err.Error(), "train.devices 2: the backend has 1 (backend go)") {
		t.Error(err)
	}
}

func TestStatisticsOf(t *testing.T) {
	for _, c := range []struct {
		atOnce, batch, hosts int
		want                 string
	}{
		{4, 16, 1, "statistics of 4 images instead of all 16: shares are computed one after the other (train.accumulate)"},
		{8, 16, 2, "statistics of 8 images instead of all 16: a host has them at once"},
	} {
		if got := statisticsOf(c.atOnce, c.batch, c.hosts); !strings.Contains(got, c.want) {
			t.Errorf("%q lacks %q", got, c.want)
		}
	}
}
