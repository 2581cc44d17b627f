package names

import (
	"regexp"

	"eomt/arch"
)

// number is an index between two dots of a parameter's name.
var number = regexp.MustCompile(`\.\d+\.`)

// nativeTable has a row for each name that the parameters of a network of this
// project can have, with "{}" for an index, the last one where there are several.
func nativeTable() *Table {
	t := &Table{Format: Native}
	seen := map[string]bool{}
	for _, kind := range []arch.Kind{arch.DINOv2, arch.DINOv3} {
		a := arch.Architecture{Width: 4, Blocks: 1, Heads: 1, Hidden: 1, Registers: 1,
			Grid: [2]int{1, 1}, Queries: 1, Classes: 1, MaskBlocks: 1}.ForKind(kind).ForPatch(16)
		for _, network := range arch.Networks {
			for _, one := range a.ForNetwork(network).Tensors() {
				pattern := one.Name
				if found := number.FindAllStringIndex(pattern, -1); found != nil {
					at := found[len(found)-1]
					pattern = pattern[:at[0]] + ".{}." + pattern[at[1]:]
				}
				if !seen[pattern] {
					seen[pattern] = true
					t.rows = append(t.rows, row{ours: pattern, parts: []string{pattern}})
				}
			}
		}
	}
	return t
}
