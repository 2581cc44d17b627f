package experiment

import (
	"crypto/sha256"
	"fmt"
	"io"

	"github.com/gomlx/gomlx/core/tensors"

	"eomt/model"
)

// identity is a checksum of weights: values in the order of the architecture, and
// mask probabilities.
func identity(params []*tensors.Tensor, maskProbs []float64) (string, error) {
	hash := sha256.New()
	for _, p := range params {
		if err := model.HostBytes(p, func(raw []byte) { hash.Write(raw) }); err != nil {
			return "", fmt.Errorf("weights: checksum: %w", err)
		}
	}
	_, err := io.WriteString(hash, fmt.Sprint(maskProbs))
	return fmt.Sprintf("%x", hash.Sum(nil)), err
}
