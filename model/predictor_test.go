package model

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"eomt/arch"
	"eomt/internal/backend/backendtest"
)

func initialized(a arch.Architecture) []*tensors.Tensor {
	var params []*tensors.Tensor
	for _, p := range a.Parameters() {
		params = append(params, tensors.FromFlatDataAndDimensions(p.Initialize(7), p.Shape...))
	}
	return params
}

// The predictor is Normalize and Forward: its logits of bytes are those of the
// graph on normalised pixels, without masks and with all of them.
func TestPredictorIsForward(t *testing.T) {
	b := backendtest.Go(t)
	a := tiny(arch.DINOv2)
	const batch = 2
	rng := rand.New(rand.NewPCG(3, 4))
	images := make([]uint8, batch*a.ImageH()*a.ImageW()*3)
	for i := range images {
		images[i] = uint8(rng.Uint32())
	}
	for name, probs := range map[string][]float64{"unmasked": {0, 0, 0}, "masked": {1, 1, 1}} {
		p, err := NewPredictor(b, eomt{a}, initialized(a), probs, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		got, err := p.Predict(images, batch)
		if err != nil {
			t.Fatal(err)
		}
		args := []any{tensors.FromFlatDataAndDimensions(images, batch, a.ImageH(), a.ImageW(), 3), toFloat32(probs)}
		for _, param := range initialized(a) {
			args = append(args, param)
		}
		want := MustExecOnceN(b, func(in []*Node) []*Node {
			draws := BroadcastToDims(Scalar(in[0].Graph(), in[1].DType(), 0.5), a.MaskBlocks, batch, a.Queries)
			out := eomt{a}.Forward(Bind(a, in[2:]), Normalize(in[0], in[1].DType()), Options{Masking: &Masking{ProbsL: in[1], DrawsLBQ: draws}})
			masks, classes := out.Final()
			return []*Node{masks, classes}
		}, args...)
		// The two graphs add in different orders; logits are of order 1.
		d := max(largestDifference(got.Masks, tensors.MustCopyFlatData[float32](want[0])),
			largestDifference(got.Class, tensors.MustCopyFlatData[float32](want[1])))
		if !(d <= 1e-5) || got.B != batch || len(got.Masks) != batch*got.MaskH*got.MaskW*a.Queries || got.MaskH != a.MaskH() {
			t.Errorf("%s: logits differ by %g, %+v", name, d, [...]int{got.B, got.MaskH, got.MaskW, len(got.Masks)})
		}
	}
}

// Pixels that somebody else normalised give the logits of their bytes.
func TestPredictorTakesPixels(t *testing.T) {
	b := backendtest.Go(t)
	a := tiny(arch.DINOv2)
	p, err := NewPredictor(b, eomt{a}, initialized(a), []float64{1, 1, 1}, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	size := a.ImageH() * a.ImageW()
	images, pixels := make([]uint8, 3*size), make([]float32, 3*size)
	for i := range images {
		images[i] = uint8(i * 7)
		c := i % 3
		pixels[c*size+i/3] = (float32(images[i])/255 - float32(imageMean[c])) / float32(imageStd[c])
	}
	want, err := p.Predict(images, 1)
	if err != nil {
		t.Fatal(err)
	}
	got, err := p.PredictPixels(pixels, 1)
	if err != nil {
		t.Fatal(err)
	}
	// Normalising here and in the graph may round differently; logits are of order 1.
	if d := max(largestDifference(got.Masks, want.Masks), largestDifference(got.Class, want.Class)); !(d <= 1e-5) {
		t.Errorf("logits differ by %g", d)
	}
	if _, err := p.PredictPixels(pixels[1:], 1); err == nil || err.Error() != "model: predict: 4607 values for 1 images of 48x32" {
		t.Errorf("a missing value: %v", err)
	}
}

// Normalised pixels are ImageNet's: (x/255 - mean) / std for each channel.
func TestNormalize(t *testing.T) {
	got := MustExecOnce(backendtest.Go(t), func(x *Node) *Node { return Normalize(x, shape().DType) },
		tensors.FromFlatDataAndDimensions([]uint8{0, 128, 255}, 1, 1, 1, 3))
	want := []float64{-0.485 / 0.229, (128.0/255 - 0.456) / 0.224, (1 - 0.406) / 0.225}
	for i, v := range tensors.MustCopyFlatData[float32](got) {
		if d := float64(v) - want[i]; d > 1e-6 || d < -1e-6 { // float32 of values near 2
			t.Errorf("channel %d: %v, want %v", i, v, want[i])
		}
	}
}

func TestPredictorRejects(t *testing.T) {
	b := backendtest.Go(t)
	a := tiny(arch.DINOv2)
	if _, err := NewPredictor(b, eomt{a}, initialized(a)[1:], nil, 0); err == nil || err.Error() != "model: predictor: 90 parameters given, the network has 91" {
		t.Errorf("a missing parameter: %v", err)
	}
	if _, err := NewPredictor(b, eomt{a}, initialized(a), []float64{1}, 0); err == nil || err.Error() != "model: predictor: 1 mask probabilities for 3 query blocks" {
		t.Errorf("too few mask probabilities: %v", err)
	}
	bad := a
	bad.Queries = 0
	if _, err := New(bad); err == nil || err.Error() != "model: queries 0: must be positive" {
		t.Errorf("no queries: %v", err)
	}
	p, err := NewPredictor(b, eomt{a}, initialized(a), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if _, err := p.Predict(make([]uint8, 5), 1); err == nil || err.Error() != "model: predict: 5 bytes for 1 images of 48x32" {
		t.Errorf("an image of five bytes: %v", err)
	}
}

// Predictions with other values of the same network compile nothing, and are those of
// a predictor made for them.
func TestPredictorIsUsedAgain(t *testing.T) {
	b := backendtest.Go(t)
	a := tiny(arch.DINOv2)
	images := make([]uint8, a.ImageH()*a.ImageW()*3)
	other := initialized(a)
	for i, p := range other {
		if a.Tensors()[i].Name == arch.ClassWeight {
			flat := tensors.MustCopyFlatData[float32](p)
			for j := range flat {
				flat[j] += 0.5
			}
			other[i] = tensors.FromFlatDataAndDimensions(flat, p.Shape().Dimensions...)
		}
	}
	p, err := NewPredictor(b, eomt{a}, initialized(a), []float64{1, 1, 1}, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for _, probs := range [][]float64{{1, 1, 1}, {0, 1, 0}, {0, 0, 0}, nil} {
		if err := p.Use(other, probs); err != nil {
			t.Fatal(err)
		}
		got, err := p.Predict(images, 1)
		if err != nil {
			t.Fatal(err)
		}
		fresh, err := NewPredictor(b, eomt{a}, other, probs, 0)
		if err != nil {
			t.Fatal(err)
		}
		want, err := fresh.Predict(images, 1)
		fresh.Close()
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got.Class, want.Class) || !slices.Equal(got.Masks, want.Masks) {
			t.Errorf("mask probabilities %v: the predictions differ", probs)
		}
	}
	if p.built.programs != 2 {
		t.Errorf("%d programs, want one with and one without masking", p.built.programs)
	}
	if err := p.Use(other[1:], nil); err == nil || !strings.Contains(err.Error(), "parameters given") {
		t.Errorf("too few values: %v", err)
	}
}
