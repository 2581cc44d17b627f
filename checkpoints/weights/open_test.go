package weights

import (
	"bytes"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"eomt/arch"
	"eomt/checkpoints/names"
	"eomt/checkpoints/safetensors"
	"eomt/checkpoints/tensor"
	"eomt/internal/parity"
)

// The files in testdata are made by scripts/goldens/weights.py: random weights
// written by the libraries that define the formats, and for each NAME what it
// must become, in NAME.expected.safetensors.

var (
	tinyDINOv2 = arch.Architecture{Kind: arch.DINOv2, Width: 16, Blocks: 2, Hidden: 32, Patch: 14, Grid: [2]int{5, 5}, Registers: 4, NormEps: 1e-6}
	tinyDINOv3 = arch.Architecture{Kind: arch.DINOv3, Width: 16, Blocks: 2, Hidden: 32, Patch: 16, Registers: 4, NormEps: 1e-5, RopeTheta: 100}
)

// with is a copy of a, changed.
func with(a arch.Architecture, change func(*arch.Architecture)) arch.Architecture {
	change(&a)
	return a
}

// eomt adds the heads of the tiny test models.
func eomt(a *arch.Architecture) {
	a.Patch, a.Grid, a.Heads, a.NormEps = 16, [2]int{4, 4}, 2, 1e-6
	a.Queries, a.Classes, a.MaskBlocks, a.Upscales = 3, 4, 1, 2
}

var formats = []struct {
	file   string // in testdata
	golden string // stem of the expected tensors
	format names.Format
	want   arch.Architecture
}{
	{"dinov2-reg.pth", "dinov2-reg", names.MetaDINOv2, tinyDINOv2},
	{"dinov2-swiglu.pth", "dinov2-swiglu", names.MetaDINOv2, with(tinyDINOv2, func(a *arch.Architecture) { a.SwiGLU = true })},
	{"dinov2-noreg.pth", "dinov2-noreg", names.MetaDINOv2, with(tinyDINOv2, func(a *arch.Architecture) { a.Registers = 0 })},
	{"timm-reg.safetensors", "timm-reg", names.TimmDINOv2, tinyDINOv2},
	{"timm-swiglu.safetensors", "timm-swiglu", names.TimmDINOv2, with(tinyDINOv2, func(a *arch.Architecture) { a.SwiGLU = true })},
	{"timm-noreg.safetensors", "timm-noreg", names.TimmDINOv2, with(tinyDINOv2, func(a *arch.Architecture) { a.Registers = 0 })},
	{"timm-dinov3.safetensors", "timm-dinov3", names.TimmDINOv3, tinyDINOv3},
	{"timm-dinov3-qkvb.safetensors", "timm-dinov3-qkvb", names.TimmDINOv3, tinyDINOv3},
	{"timm-dinov3-gated.safetensors", "timm-dinov3-gated", names.TimmDINOv3, with(tinyDINOv3, func(a *arch.Architecture) { a.SwiGLU = true })},
	{"dinov3.pth", "dinov3", names.MetaDINOv3, tinyDINOv3},
	{"hf-dinov2-reg", "hf-dinov2-reg", names.HFBackboneV2, with(tinyDINOv2, func(a *arch.Architecture) { a.Heads = 2 })},
	{"hf-dinov2-swiglu", "hf-dinov2-swiglu", names.HFBackboneV2, with(tinyDINOv2, func(a *arch.Architecture) {
		a.Heads, a.SwiGLU, a.Registers = 2, true, 0
	})},
	{"hf-dinov3", "hf-dinov3", names.HFBackboneV3, with(tinyDINOv3, func(a *arch.Architecture) { a.Heads, a.Grid = 2, [2]int{4, 4} })},
	{"hf-eomt", "hf-eomt", names.HFDINOv2, with(tinyDINOv2, eomt)},
	{"hf-eomt-swiglu", "hf-eomt-swiglu", names.HFDINOv2, with(with(tinyDINOv2, eomt), func(a *arch.Architecture) { a.SwiGLU = true })},
	{"hf-eomt-sharded", "hf-eomt-sharded", names.HFDINOv2, with(tinyDINOv2, eomt)},
	{"hf-eomt-sharded/model.safetensors.index.json", "", "", arch.Architecture{}}, // not a file of weights
	{"hf-eomt-bf16", "hf-eomt-bf16", names.HFDINOv2, with(tinyDINOv2, eomt)},
	{"hf-eomt-dinov3", "hf-eomt-dinov3", names.HFDINOv3, with(tinyDINOv3, eomt)},
	{"hf-eomt-dinov3-gated", "hf-eomt-dinov3-gated", names.HFDINOv3, with(with(tinyDINOv3, eomt), func(a *arch.Architecture) {
		a.SwiGLU, a.Hidden, a.HeadSiLU = true, 24, true
	})},
	{"official.bin", "official", names.OfficialDINOv2, arch.Architecture{Kind: arch.DINOv2, Width: 64, Blocks: 1, Heads: 1, Hidden: 64,
		Patch: 8, Grid: [2]int{3, 3}, Registers: 4, Queries: 3, Classes: 4, MaskBlocks: 1, Upscales: 1, NormEps: 1e-6}},
}

func TestOpenEveryFormat(t *testing.T) {
	bitForBit(t, "weights read, of every format", "torch, timm, transformers")
	for _, c := range formats {
		t.Run(c.file, func(t *testing.T) {
			m, err := Open(reference(c.file))
			if c.golden == "" {
				if err == nil {
					t.Error("opened")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			if m.Format != c.format {
				t.Errorf("format %s, want %s", m.Format, c.format)
			}
			if diff := cmp.Diff(c.want, m.Architecture); diff != "" {
				t.Errorf("architecture differs (-want +got):\n%s", diff)
			}
			wantGolden(t, m.Tensors, c.golden)
			if len(m.Loading.Loaded) != len(m.Tensors) {
				t.Errorf("%d parameters reported, %d read", len(m.Loading.Loaded), len(m.Tensors))
			}
		})
	}
}

// reference is the path of a file that a library wrote.
func reference(name string) string { return filepath.Join(parity.Folder("checkpoints/weights"), name) }

// bitForBit reports, once the test is over, whether all was equal.
func bitForBit(t *testing.T, component, against string) {
	t.Cleanup(func() {
		row := parity.Row{Component: component + ", bit for bit", Against: against}
		if t.Failed() {
			row.Add(math.NaN(), 1)
		}
		row.Report(t)
	})
}

// wantGolden fails unless tensors are, bit for bit, those of a golden file.
func wantGolden(t *testing.T, tensors []tensor.Tensor, golden string) {
	t.Helper()
	want, err := safetensors.Open(reference(golden + ".expected.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	defer want.Close()
	wantEqual(t, tensors, want.Tensors)
}

// wantEqual fails unless both lists hold the same names, types, shapes and bytes.
func wantEqual(t *testing.T, got, want []tensor.Tensor) {
	t.Helper()
	index := tensor.ByName(got)
	if len(got) != len(want) || len(index) != len(want) {
		t.Errorf("%d tensors, want %d", len(got), len(want))
	}
	for _, w := range want {
		g, ok := index[w.Name]
		if !ok || g.String() != w.String() {
			t.Errorf("got %v, want %v", g, w)
			continue
		}
		a, errA := g.Bytes()
		b, errB := w.Bytes()
		if errA != nil || errB != nil || !bytes.Equal(a, b) {
			t.Errorf("%v differs in its values (%v, %v)", w, errA, errB)
		}
	}
}

func TestDeltasBecomeWeights(t *testing.T) {
	bitForBit(t, "DINOv3 deltas added to their base", "torch, transformers")
	m, err := OpenDeltas(reference("official-dinov3-deltas.bin"), reference("hf-dinov3"))
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	wantGolden(t, m.Tensors, "official-dinov3-deltas")
	a := m.Architecture
	if a.Heads != 2 || a.NormEps != 1e-5 || a.RopeTheta != 100 || a.MaskBlocks != 1 || m.MaskProbs[0] != 0 {
		t.Errorf("architecture %+v, mask probabilities %v", a, m.MaskProbs)
	}
}

func TestDeltasAndWholeWeightsAreToldApart(t *testing.T) {
	const deltas, base, whole = "testdata/official-dinov3-deltas.bin", "testdata/hf-dinov3", "testdata/official.bin"
	wantError(t, second(Open(deltas)), "-deltas-from")
	wantError(t, second(OpenDeltas(whole, base)), "whole weights")
	wantError(t, second(OpenDeltas(base, base)), "whole weights")
	wantError(t, second(OpenDeltas(deltas, "testdata/timm-reg.safetensors")), "the base does not fit", "backbone.pos_embed")
	wantError(t, second(OpenDeltas(deltas, deltas)), "-deltas-from")
}

func second[T any](_ T, err error) error { return err }

// wantError fails unless err says all of texts.
func wantError(t *testing.T, err error, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("error %v, want one with %q", err, text)
		}
	}
}

func TestFitResizesAndStartsHeadsAnew(t *testing.T) {
	m, err := Open("testdata/timm-reg.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	wide := with(m.Architecture, func(a *arch.Architecture) {
		eomt(a)
		a.Grid = [2]int{4, 7}
	})
	_, _, err = m.Fit(wide, []string{"q."})
	wantError(t, err, "class_head.weight", "timm-reg.safetensors")
	tensors, report, err := m.Fit(wide, wide.HeadNames())
	if err != nil {
		t.Fatal(err)
	}
	wantReshaped := []string{arch.PosEmbed + " [1 25 16] -> [1 28 16]", arch.PatchWeight + " [16 3 14 14] -> [16 3 16 16]"}
	if diff := cmp.Diff(wantReshaped, report.Reshaped); diff != "" {
		t.Errorf("reshaped (-want +got):\n%s", diff)
	}
	if len(report.Fresh) != 1+2+6+10 || len(tensors) != len(m.Architecture.Tensors()) {
		t.Errorf("%d fresh, %d fitted", len(report.Fresh), len(tensors))
	}
	for _, one := range tensors {
		values, err := one.Float32s()
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range values {
			if math.IsNaN(float64(v)) {
				t.Fatalf("%s holds NaN", one.Name)
			}
		}
	}
	// As many patches in another grid are still resized.
	if _, report, _ = m.Fit(with(m.Architecture, func(a *arch.Architecture) { a.Grid = [2]int{1, 25} }), nil); len(report.Reshaped) != 1 {
		t.Errorf("a 5 x 5 grid as 1 x 25: reshaped %v", report.Reshaped)
	}
}

// Half precision of either kind, of one file and of shards, comes in as it is and
// is fitted as float32.
func TestHalfPrecision(t *testing.T) {
	whole, err := Open("testdata/hf-eomt-sharded")
	if err != nil {
		t.Fatal(err)
	}
	defer whole.Close()
	for _, dtype := range []tensor.DType{tensor.Float16, tensor.BFloat16} {
		half := *whole
		half.Tensors = nil
		for _, one := range whole.Tensors {
			values, err := one.Float32s()
			if err != nil {
				t.Fatal(err)
			}
			half.Tensors = append(half.Tensors, tensor.FromFloat32sAs(dtype, one.Name, one.Shape, values))
		}
		dir := filepath.Join(t.TempDir(), "hf")
		if err := half.WriteHF(dir); err != nil {
			t.Fatal(err)
		}
		got, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer got.Close()
		wantEqual(t, got.Tensors, half.Tensors)
		fitted, _, err := got.Fit(got.Architecture, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i, one := range fitted {
			want, errA := half.Tensors[i].Float32s()
			have, errB := one.Float32s()
			if errA != nil || errB != nil || one.DType != tensor.Float32 || !slices.Equal(have, want) {
				t.Errorf("%v of %s is fitted as another value (%v, %v)", one, dtype, errA, errB)
			}
		}
	}
}
