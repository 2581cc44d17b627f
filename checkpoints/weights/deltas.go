package weights

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"eomt/checkpoints"
	"eomt/checkpoints/names"
	"eomt/checkpoints/tensor"
)

// OpenDeltas reads an EoMT whose file holds the differences to a base, as the
// official DINOv3 releases do: each backbone parameter is the base's plus the
// file's, in float32; queries and heads are the file's own. The base is a
// backbone in any format. A file known to hold complete weights is refused.
func OpenDeltas(path, base string) (*Model, error) {
	m, err := openDeltas(path, base)
	if err != nil {
		return nil, fmt.Errorf("weights: open %s as differences to %s: %w", path, base, err)
	}
	return m, nil
}

func openDeltas(path, base string) (*Model, error) {
	m, err := open(path, averages)
	if err != nil {
		return nil, err
	}
	official := m.Format == names.OfficialDINOv2 || m.Format == names.OfficialDINOv3
	if official && !m.deltas || m.Architecture.BackboneOnly() {
		return nil, errors.Join(errors.New("the first holds whole weights, not differences"), m.Close())
	}
	b, err := Open(base)
	if err != nil {
		return nil, errors.Join(err, m.Close())
	}
	m.files = closers{m.files, b.files}
	if err := m.add(b); err != nil {
		return nil, errors.Join(err, m.Close())
	}
	return m, nil
}

// add turns the differences in m into weights.
func (m *Model) add(base *Model) error {
	have := slices.DeleteFunc(slices.Clone(base.Tensors), func(t tensor.Tensor) bool { return !strings.HasPrefix(t.Name, "backbone.") })
	bases, _, err := checkpoints.Match(m.Architecture.Backbone().Tensors(), have, nil)
	if err != nil {
		return fmt.Errorf("the base does not fit: %w", err)
	}
	index := tensor.ByName(bases)
	for i, t := range m.Tensors {
		if b, ok := index[t.Name]; ok {
			m.Tensors[i] = sum(t, b)
		}
	}
	for i, p := range m.MaskProbs {
		m.MaskProbs[i] = 1 + p // the model that the differences are taken from masks always
	}
	a := &m.Architecture
	a.Heads, a.NormEps, a.RopeTheta = base.Architecture.Heads, base.Architecture.NormEps, base.Architecture.RopeTheta
	m.deltas = false
	return nil
}

// sum is a + b in float32, under a's name.
func sum(a, b tensor.Tensor) tensor.Tensor {
	return tensor.Lazy(a.Name, tensor.Float32, a.Shape, func() ([]byte, error) {
		x, err := a.Float32s()
		if err != nil {
			return nil, err
		}
		y, err := b.Float32s()
		if err != nil {
			return nil, err
		}
		for i := range x {
			x[i] += y[i]
		}
		return tensor.FromFloat32s(a.Name, a.Shape, x).Bytes()
	})
}
