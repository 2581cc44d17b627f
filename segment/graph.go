package segment

import (
	"crypto/sha256"
	"fmt"
	"hash"
	"math"
	"strings"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/tensors"

	"eomt/checkpoints/tensor"
	"eomt/checkpoints/weights"
	"eomt/eval/postprocess"
	"eomt/internal/backend"
	"eomt/model"
)

// graph is the engine that runs the network as a compiled graph.
type graph struct {
	predictor *model.Predictor
	params    []*tensors.Tensor
}

// newGraph loads the weights for s.Architecture and sets s.Backend and s.Checksum.
func newGraph(stored *weights.Model, s *Segmenter, o Options) (engine, error) {
	network, err := model.New(s.Architecture)
	if err != nil {
		return nil, err
	}
	fitted, _, err := stored.Fit(s.Architecture, nil)
	if err != nil {
		return nil, err
	}
	sum := sha256.New()
	g := &graph{}
	g.params, err = model.Load(s.Architecture.Tensors(), func(i int, dst []float32) error {
		err := fitted[i].ReadFloat32s(dst)
		if o.Checksum && err == nil {
			addFloats(sum, dst)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	probs := make([]float64, len(stored.MaskProbs))
	for i, p := range stored.MaskProbs {
		probs[i] = float64(p)
	}
	if o.Checksum {
		fmt.Fprint(sum, probs)
		s.Checksum = fmt.Sprintf("%x", sum.Sum(nil))
	}
	var notes strings.Builder
	b, _, err := backend.Start(o.Backend, &notes)
	if err != nil {
		return nil, err
	}
	s.Backend = strings.TrimSpace(notes.String())
	precision := dtypes.Float32
	if s.Precision == "bf16" {
		precision = dtypes.BFloat16
	}
	g.predictor, err = model.NewPredictor(b, network, g.params, probs, precision)
	return g, err
}

// tensorsChecksum is the checksum of weights' values and mask probabilities.
func tensorsChecksum(list []tensor.Tensor, probs []float32) (string, error) {
	sum := sha256.New()
	for _, t := range list {
		values, err := t.Float32s()
		if err != nil {
			return "", err
		}
		addFloats(sum, values)
	}
	fmt.Fprint(sum, probs)
	return fmt.Sprintf("%x", sum.Sum(nil)), nil
}

// addFloats adds values in little-endian order.
func addFloats(sum hash.Hash, values []float32) {
	raw := make([]byte, 0, 1<<16)
	for len(values) > 0 {
		n := min(len(values), cap(raw)/4)
		raw = raw[:0]
		for _, v := range values[:n] {
			bits := math.Float32bits(v)
			raw = append(raw, byte(bits), byte(bits>>8), byte(bits>>16), byte(bits>>24))
		}
		sum.Write(raw)
		values = values[n:]
	}
}

func (g *graph) Predict(images []uint8, b int) (postprocess.Logits, error) {
	l, err := g.predictor.Predict(images, b)
	return postprocess.Logits(l), err
}

// Close frees the compiled programs and the parameters.
func (g *graph) Close() {
	g.predictor.Close()
	for _, p := range g.params {
		p.MustFinalizeAll()
	}
}
