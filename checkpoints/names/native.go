package names

import (
	"regexp"

	"eomt/arch"
)

// number is an index between two dots of a parameter's name.
var number = regexp.MustCompile(`\.\d+\.`)

// nativeTable has a row for each name that the parameters of a network of this
// project can have, with "{}" for indices.
func nativeTable() *Table {
	t := &Table{Format: Native}
	seen := map[string]bool{}
	for _, kind := range []arch.Kind{arch.DINOv2, arch.DINOv3} {
		a := arch.Architecture{Width: 1, Blocks: 1, Heads: 1, Hidden: 1, Registers: 1,
			Grid: [2]int{1, 1}, Queries: 1, Classes: 1, MaskBlocks: 1}.ForKind(kind).ForPatch(4)
		for _, one := range a.Tensors() {
			pattern := number.ReplaceAllString(one.Name, ".{}.")
			if !seen[pattern] {
				seen[pattern] = true
				t.rows = append(t.rows, row{ours: pattern, parts: []string{pattern}})
			}
		}
	}
	return t
}
