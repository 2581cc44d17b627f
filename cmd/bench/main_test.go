package main

import (
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"eomt/internal/cli/clitest"
)

// TestMain lets this test program be the child that bench measures works in.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "-work" {
		main()
		return
	}
	os.Exit(m.Run())
}

// bench runs the command line and returns what it prints.
func bench(t *testing.T, args ...string) (string, error) {
	t.Helper()
	return clitest.Output(t, run, args...)
}

func TestWrongCommandLines(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"-work nothing", `-work "nothing": expected some of forward, forward_masked, step`},
		{"-work flops,flops", "-work names flops twice"},
		{"-work ,", `-work ""`},
		{"-size XL", `-size "XL": expected S, B, L or g`},
		{"-network mask2former", `-network "mask2former": expected one of eomt, eomt_masked, vit_decoder_single_scale, vit_decoder, vit_mask2former, vit_adapter_mask2former`},
		{"-network vit_decoder -image 80", "model: image height 80: must be a multiple of 32 for vit_decoder"},
		{"-size custom", `-size "custom": expected S, B, L or g`},
		{"-image 100", "-image 100: must be a positive multiple of 16"},
		{"-image 0", "-image 0: must be a positive multiple of 16"},
		{"-image -16", "-image -16: must be a positive multiple of 16"},
		{"-image many", "invalid value"},
		{"-batch 0", "-batch 0: must be at least 1"},
		{"-accumulate 0", "-accumulate 0: -batch 1 does not split into so many equal shares"},
		{"-batch 4 -accumulate 3", "-accumulate 3: -batch 4 does not split"},
		{"-network detr", `-network "detr": expected one of eomt, eomt_masked`},
		{"-precision f16", `-precision "f16": expected f32 or bf16`},
		{"-remat all", `-remat "all": expected none or blocks`},
		{"-seconds -1", "-seconds -1: must be at least 0"},
		{"-queries 0", "-queries 0: must be at least 1"},
		{"-targets 129", "-targets 129: must be 1 to 128"},
		{"-devices 0", "-devices 0: 1 images at once cannot be split"},
		{"-work step -batch 4 -accumulate 2 -devices 4", "-devices 4: 2 images at once cannot be split"},
		{"-batch 2 -devices 2", "-devices 2: only -work step runs on several devices"},
		{"-growth time", `-growth "time": expected some of batch, image, targets, devices, queries`},
		{"-growth batch -work step,forward", "-growth takes one work that runs, not step,forward"},
		{"-growth batch -work flops", "-growth takes one work that runs, not flops"},
		{"-growth batch -paced", "-growth cannot be combined with -paced"},
		{"-paced", "-paced takes one work that runs"},
		{"-paced -work startup", "-paced takes one work that runs, not startup"},
		{"-runs 3", "flag provided but not defined: -runs"},
		{"-backend cuda", `unknown backend "cuda"`},
		{"step", `unexpected argument "step"`},
	} {
		_, err := bench(t, strings.Fields(c.args)...)
		var usage interface{ UsageError() }
		if !errors.As(err, &usage) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("bench %s: error %v, want a usage error with %q", c.args, err, c.want)
		}
	}
}

func TestHelpHasAnExample(t *testing.T) {
	text, err := bench(t, "-h")
	if !errors.Is(err, flag.ErrHelp) || !strings.Contains(text, "Example:") || !strings.Contains(text, "forward_masked") {
		t.Errorf("-h: error %v, text %q", err, text)
	}
}

// TestResults holds the contract of -json, for works in processes of their own.
func TestResults(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out.json")
	text, err := bench(t, "-work", "flops,matcher", "-image", "32", "-batch", "2", "-seconds", "0.1", "-backend", "go", "-json", path)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"; go\n", "| flops | eomt | S | 32 | 2 | f32 |", "| matcher | eomt | S | 32 | 2 | f32 |"} {
		if !strings.Contains(text, want) {
			t.Errorf("printed %q, want %q in it", text, want)
		}
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var report struct {
		Machine, Backend string
		Results          []map[string]any
	}
	if err := json.Unmarshal(raw, &report); err != nil {
		t.Fatal(err)
	}
	if report.Machine == "" || report.Backend != "go" || len(report.Results) != 2 {
		t.Fatalf("-json wrote %s", raw)
	}
	keys := []string{"batch", "devices", "dtype", "flops", "image", "network", "parameters", "peak_rss_bytes", "precision", "processor", "queries", "runs",
		"seconds_max", "seconds_median", "seconds_min", "size", "targets", "temp_bytes", "work"}
	for _, result := range report.Results {
		var got []string
		for key := range result {
			got = append(got, key)
		}
		slices.Sort(got)
		if !slices.Equal(got, keys) {
			t.Errorf("keys %v, want %v", got, keys)
		}
	}
	flops, matcher := report.Results[0], report.Results[1]
	if matcher["temp_bytes"] != 0.0 || matcher["processor"] == "" { // the backend go reports no memory
		t.Errorf("matcher: %v", matcher)
	}
	if flops["work"] != "flops" || flops["runs"] != 0.0 || flops["flops"].(float64) <= 0 || flops["parameters"].(float64) <= 0 {
		t.Errorf("flops: %v", flops)
	}
	least, median, most := matcher["seconds_min"].(float64), matcher["seconds_median"].(float64), matcher["seconds_max"].(float64)
	if matcher["runs"].(float64) < fewestRuns || least <= 0 || least > median || median > most {
		t.Errorf("matcher: %v", matcher)
	}
}

func TestChildsErrorIsOneLine(t *testing.T) {
	_, err := bench(t, "-work", "flops,matcher", "-image", "32", "-backend", "go:abacus")
	if err == nil || !strings.Contains(err.Error(), "matcher: its process failed") || strings.Contains(err.Error(), "\n") ||
		!strings.Contains(err.Error(), "abacus") {
		t.Errorf("error %v, want one line that names the work and the backend", err)
	}
}

func TestUnwritableResults(t *testing.T) {
	_, err := bench(t, "-work", "flops", "-json", filepath.Join(t.TempDir(), "absent", "out.json"))
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v, want that the folder does not exist", err)
	}
}

func TestMedianAndRange(t *testing.T) {
	for _, c := range []struct {
		seconds           []float64
		median, low, high float64
	}{
		{nil, 0, 0, 0},
		{[]float64{3}, 3, 3, 3},
		{[]float64{4, 1}, 2.5, 1, 4},
		{[]float64{9, 1, 2}, 2, 1, 9},
	} {
		var r Result
		r.setSeconds(c.seconds)
		if r.Runs != len(c.seconds) || r.Median != c.median || r.Min != c.low || r.Max != c.high {
			t.Errorf("of %v: %+v", c.seconds, r)
		}
	}
}
