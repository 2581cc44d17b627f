package experiment

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute/dtypes"

	"eomt/arch"
	"eomt/checkpoints"
	"eomt/checkpoints/tensor"
	"eomt/checkpoints/weights"
	"eomt/data"
	"eomt/internal/backend/backendtest"
	"eomt/model"
	"eomt/segment"
	"eomt/train"
)

// A run with low-rank factors starts as its base, and its folder segments as the run
// itself predicts: merged weights differ from factors by rounding alone.
func TestMergedFactorsPredictTheSame(t *testing.T) {
	path, _ := tiny(t)
	base := filepath.Join(t.TempDir(), "base")
	c := read(t, path, "weights="+base, "train.lora.rank=3", "train.lora.alpha=6", "train.lr=0.05", "train.ema=0.5")
	a, err := c.Model.Architecture(8)
	if err != nil {
		t.Fatal(err)
	}
	if err := weights.Random(a, 7).WriteNative(base); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "run")
	run, notes, err := open(t, c, Options{Dir: out})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(notes, "initialised at random") {
		t.Error(notes)
	}
	pixels := make([]uint8, 2*64*64*3)
	for i := range pixels {
		pixels[i] = uint8(i * 7919 >> 3)
	}
	if _, err := run.predictorOf(run.State, nil); err != nil {
		t.Fatal(err)
	}
	first, err := run.predictor.Predict(pixels, 2)
	if err != nil {
		t.Fatal(err)
	}
	compare(t, "before training", first.Masks, predicted(t, base, pixels, segment.Options{}), 0)
	if err := run.Train(t.Context()); err != nil {
		t.Fatal(err)
	}
	last, err := run.predictor.Predict(pixels, 2) // with the values of the last validation
	if err != nil {
		t.Fatal(err)
	}
	if slices.Equal(first.Masks, last.Masks) {
		t.Fatal("training has changed nothing")
	}
	merged := predicted(t, out, pixels, segment.Options{})
	compare(t, "after training", last.Masks, merged, 1e-5)
	if slices.Equal(merged, predicted(t, out, pixels, segment.Options{Last: true})) {
		t.Error("moving averages are those of the step")
	}

	stored, err := checkpoints.Load(out)
	if err != nil {
		t.Fatal(err)
	}
	defer stored.Close()
	model, err := weights.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	defer model.Close()
	if n := len(model.Tensors); n != len(a.Tensors()) || len(stored.Params) != n+2*6*a.Blocks || model.Architecture.LoRA.Rank != 0 {
		t.Errorf("%d tensors merged, %d stored", n, len(stored.Params))
	}
	if got := model.Loading.String(); !strings.Contains(got, "; 12 pairs of low-rank factors merged (train.lora)") {
		t.Error(got)
	}
}

// predicted are the mask logits of weights as the other commands open them.
func predicted(t *testing.T, path string, pixels []uint8, o segment.Options) []float32 {
	t.Helper()
	o.Backend = "go"
	o.Classes = make([]data.Class, 8)
	s, err := segment.Open(path, o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	logits, err := s.Predict(pixels, 2)
	if err != nil {
		t.Fatal(err)
	}
	return logits.Masks
}

// compare holds got to want within a tolerance relative to the largest value.
func compare(t *testing.T, what string, got, want []float32, tolerance float64) {
	t.Helper()
	var largest, differ float64
	for i := range want {
		largest = max(largest, math.Abs(float64(want[i])))
		differ = max(differ, math.Abs(float64(got[i]-want[i])))
	}
	t.Logf("%s: mask logits up to %.3g differ by at most %.2g", what, largest, differ)
	if !(differ <= tolerance*largest) {
		t.Errorf("%s: mask logits up to %g differ by %g", what, largest, differ)
	}
}

// Every network computes the same with factors and with merged weights, gated or not.
func TestFactorsOfNetworks(t *testing.T) {
	for i, name := range arch.Networks {
		gated := i%2 == 1
		s := arch.Settings{Size: arch.SizeCustom, Network: name, Backbone: "dinov3", Image: [2]int{64, 64}, Queries: 6,
			Width: 32, Blocks: 4, Heads: 2, MLPHidden: 48, QueryBlocks: 2, Patch: 16}
		if name != arch.EoMT && name != arch.EoMTMasked {
			s.QueryBlocks = 0
			s.Decoder = arch.DecoderSettings{Width: 32, Heads: 2, Layers: 3, Hidden: 48}
			if name == arch.ViTMask2Former || name == arch.ViTAdapterMask2Former {
				s.Decoder.EncoderLayers, s.Decoder.EncoderHidden = 1, 48
			}
		}
		a, err := s.Architecture(5)
		if err != nil {
			t.Fatal(err)
		}
		a.SwiGLU = gated
		if a, err = (train.LoRAConfig{Rank: 3, Alpha: 2}).Adapt(a); err != nil {
			t.Fatal(err)
		}
		m := weights.Random(a, 1)
		for i, p := range a.Parameters() {
			if p.Part == arch.PartLoRA {
				p.Init = arch.InitTruncated
				m.Tensors[i] = tensor.FromFloat32s(p.Name, p.Shape, p.Initialize(2))
			}
		}
		dir := t.TempDir()
		if err := m.WriteNative(dir); err != nil {
			t.Fatal(err)
		}
		merged, err := weights.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer merged.Close()
		compare(t, fmt.Sprintf("%s, gated %v", name, gated), logits(t, m), logits(t, merged), 1e-5)
		if merged.Architecture.LoRA.Rank != 0 {
			t.Errorf("%s: factors are left", name)
		}
	}
}

// logits are the mask logits of weights as they are.
func logits(t *testing.T, m *weights.Model) []float32 {
	t.Helper()
	network, err := model.New(m.Architecture)
	if err != nil {
		t.Fatal(err)
	}
	params, err := model.Load(m.Architecture.Tensors(), func(i int, dst []float32) error { return m.Tensors[i].ReadFloat32s(dst) })
	if err != nil {
		t.Fatal(err)
	}
	p, err := model.NewPredictor(backendtest.Go(t), network, params, nil, dtypes.Float32)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	pixels := make([]uint8, 64*64*3)
	for i := range pixels {
		pixels[i] = uint8(i * 7919 >> 3)
	}
	l, err := p.Predict(pixels, 1)
	if err != nil {
		t.Fatal(err)
	}
	return l.Masks
}
