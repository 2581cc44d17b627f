package names

import (
	"fmt"
	"slices"

	"eomt/arch"
	"eomt/checkpoints/tensor"
)

// Write expresses parameters of ours in t's format: renamed, split and reshaped,
// values as they are. gatedMLP says which MLP the model has. A parameter that
// the format has no name for is an error, and so is a format of backbones whose
// position embedding has a row for cls. Where the format leaves a part out, for
// example the key's bias, that part must be zero; reading the tensor fails otherwise.
func (t *Table) Write(tensors []tensor.Tensor, gatedMLP bool) ([]tensor.Tensor, error) {
	if t.clsRow != "" || t.zeroBias || t.zeroKey {
		return nil, fmt.Errorf("names: format %s is read, not written", t.Format)
	}
	var written []tensor.Tensor
	for _, one := range tensors {
		r, b, ok := t.rowOf(one.Name, gatedMLP)
		if !ok {
			return nil, fmt.Errorf("names: format %s has no name for %s", t.Format, one.Name)
		}
		if t.flatPosition && one.Name == arch.PosEmbed && len(one.Shape) == 3 && one.Shape[0] == 1 {
			one, _ = one.Reshaped(one.Shape[1:]...) // as many elements
		}
		if len(r.parts) == 1 {
			written = append(written, one.Renamed(b.fill(r.parts[0])))
			continue
		}
		keep := make([]bool, len(r.parts))
		for k, part := range r.parts {
			keep[k] = part != zeroPart
		}
		parts, err := split(one, keep)
		if err != nil {
			return nil, err
		}
		for k, part := range slices.DeleteFunc(slices.Clone(r.parts), func(p string) bool { return p == zeroPart }) {
			written = append(written, parts[k].Renamed(b.fill(part)))
		}
	}
	return written, nil
}

// rowOf is the row that writes a parameter of ours.
func (t *Table) rowOf(name string, gatedMLP bool) (row, binding, bool) {
	for _, r := range t.rows {
		if r.use == reading || r.use == gated && !gatedMLP || r.use == plain && gatedMLP {
			continue
		}
		if b, ok := match(r.ours, name); ok {
			return r, b, true
		}
	}
	return row{}, binding{}, false
}
