package names

import (
	"slices"
	"strings"

	"eomt/arch"
	"eomt/checkpoints/tensor"
)

// The attention's parameters, which formats treat differently.
const (
	qkvWeight = ".attn.qkv.weight"
	qkvBias   = ".attn.qkv.bias"
)

// adjust handles what rows cannot express: the position embedding's shape and cls
// row, and attention biases that are absent or masked.
func (t *Table) adjust(r *Reading) {
	at := func(name string) int {
		return slices.IndexFunc(r.Tensors, func(one tensor.Tensor) bool { return one.Name == name })
	}
	pos, cls := at(arch.PosEmbed), at(arch.ClsToken)
	if pos >= 0 && t.flatPosition && len(r.Tensors[pos].Shape) == 2 {
		shape := r.Tensors[pos].Shape
		if whole, err := r.Tensors[pos].Reshaped(1, shape[0], shape[1]); err == nil {
			r.Tensors[pos] = whole
		}
	}
	hasRow := t.clsRow == clsRowAlways || t.clsRow == clsRowWithoutRegisters && at(arch.RegToken) < 0
	if hasRow && pos >= 0 && cls >= 0 && foldable(r.Tensors[cls].Shape, r.Tensors[pos].Shape) {
		r.Tensors[cls] = addRow(r.Tensors[cls], r.Tensors[pos])
		r.Tensors[pos] = withoutRow(r.Tensors[pos])
		r.Pairs[cls].Theirs = append(r.Pairs[cls].Theirs, r.Pairs[pos].Theirs...)
	}
	for i, one := range r.Tensors {
		if t.zeroKey && isBlock(one.Name, qkvBias) {
			r.Tensors[i] = withoutKey(one)
		}
		bias := strings.TrimSuffix(one.Name, qkvWeight) + qkvBias
		if t.zeroBias && isBlock(one.Name, qkvWeight) && at(bias) < 0 && len(one.Shape) > 0 {
			r.Tensors = append(r.Tensors, zeros(bias, one.DType, one.Shape[:1]))
			r.Pairs = append(r.Pairs, Pair{Ours: bias})
		}
	}
}

// foldable reports whether cls is [1, 1, D] and pos [1, at least 2, D].
func foldable(cls, pos []int) bool {
	return len(pos) == 3 && pos[0] == 1 && pos[1] > 1 && slices.Equal(cls, []int{1, 1, pos[2]})
}

func isBlock(name, suffix string) bool {
	return strings.HasPrefix(name, arch.BlockPrefix) && strings.HasSuffix(name, suffix)
}
