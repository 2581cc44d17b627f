package experiment

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// soakKey names the variable with the number of steps of TestSoak (make soak).
const soakKey = "EOMT_SOAK_STEPS"

// sample is what a process holds after a step.
type sample struct{ step, resident, heap, goroutines int }

// taken is the sample of this moment.
func taken(t *testing.T, step int) sample {
	raw, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := strconv.Atoi(strings.Fields(string(raw))[1])
	if err != nil {
		t.Fatal(err)
	}
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return sample{step, pages * os.Getpagesize(), int(m.HeapAlloc), runtime.NumGoroutine()}
}

// sampler is the display of a training run that takes samples.
type sampler struct {
	noDisplay
	take func(step int)
}

func (s sampler) Set(step int, _ string) { s.take(step) }

// A run with validations and saves holds no more memory and no more goroutines over time:
// what it holds in its last quarter is what it held in the quarter before. In a short
// run, buffers are still being filled up to its middle.
func TestSoak(t *testing.T) {
	steps := 60
	if text := os.Getenv(soakKey); text != "" {
		var err error
		if steps, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	path, _ := tiny(t)
	every := steps / 20
	c := read(t, path, fmt.Sprintf("train.total_steps=%d", steps), fmt.Sprintf("train.checkpoint_every=%d", every), fmt.Sprintf("train.validate_every=%d", 2*every),
		"train.log_every=5", "train.keep=2")
	var samples []sample
	watch := func(label string, _ int, _ string, _ int) Display {
		if label != "train" {
			return noDisplay{}
		}
		return sampler{take: func(step int) {
			if step%every == 0 {
				samples = append(samples, taken(t, step))
			}
		}}
	}
	run, err := Open(t.Context(), c, Options{Dir: filepath.Join(t.TempDir(), "run"), Backend: "go", Watch: watch})
	if err != nil {
		t.Fatal(err)
	}
	if err := run.Train(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := run.Close(); err != nil {
		t.Fatal(err)
	}
	t.Log("  step  resident MiB  heap MiB  goroutines")
	for _, s := range samples {
		t.Logf("%6d  %12.1f  %8.1f  %10d", s.step, float64(s.resident)/(1<<20), float64(s.heap)/(1<<20), s.goroutines)
	}
	early, late := largest(samples[10:15]), largest(samples[15:])
	// A process's memory moves by some MiB with the collector's timing; a leak of a
	// batch, of a state or of a validation a step is many times that.
	if more := late.resident - early.resident; more > early.resident/20+16<<20 {
		t.Errorf("resident memory grew by %d bytes from %d", more, early.resident)
	}
	if more := late.heap - early.heap; more > 2<<20+steps*64 { // what the log and the list of validations hold
		t.Errorf("the heap grew by %d bytes from %d", more, early.heap)
	}
	if late.goroutines > early.goroutines {
		t.Errorf("%d goroutines became %d", early.goroutines, late.goroutines)
	}
}

// largest are the largest values of some samples.
func largest(samples []sample) (l sample) {
	for _, s := range samples {
		l.resident, l.heap, l.goroutines = max(l.resident, s.resident), max(l.heap, s.heap), max(l.goroutines, s.goroutines)
	}
	return l
}
