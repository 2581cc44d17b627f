package experiment

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"github.com/gomlx/gomlx/core/tensors"

	"eomt/arch"
	"eomt/checkpoints/weights"
	"eomt/model"
)

// Weights are a whole model's parameters, in the order of its table.
type Weights struct {
	Params    []*tensors.Tensor
	MaskProbs []float64 // of the query blocks; 0 where annealing has ended
}

// LoadWeights reads the weights at path, of any format that package weights
// knows, for the architecture a; position and patch embeddings are resized to it.
func LoadWeights(path string, a arch.Architecture) (w *Weights, err error) {
	stored, err := weights.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, stored.Close()) }()
	fitted, _, err := stored.Fit(a, nil)
	if err != nil {
		return nil, err
	}
	w = &Weights{}
	for _, p := range stored.MaskProbs {
		w.MaskProbs = append(w.MaskProbs, float64(p))
	}
	w.Params, err = model.Load(a.Tensors(), func(i int, dst []float32) error { return fitted[i].ReadFloat32s(dst) })
	return w, err
}

// Identity is a checksum of the weights.
func (w *Weights) Identity() (string, error) {
	hash := sha256.New()
	for _, p := range w.Params {
		if err := p.ConstBytes(func(raw []byte) { hash.Write(raw) }); err != nil {
			return "", fmt.Errorf("weights: checksum: %w", err)
		}
	}
	_, err := io.WriteString(hash, fmt.Sprint(w.MaskProbs))
	return fmt.Sprintf("%x", hash.Sum(nil)), err
}
