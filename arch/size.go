package arch

import "fmt"

// Size returns the published size "S", "B", "L" or "g": EoMT on DINOv2 with
// registers at 640 x 640 pixels, 200 queries and 133 classes.
func Size(name string) (Architecture, error) {
	a := Architecture{Registers: 4, Grid: [2]int{40, 40}, Queries: 200, Classes: 133}.ForKind(DINOv2).ForPatch(16)
	switch name {
	case "S":
		a.Width, a.Blocks, a.Heads, a.Hidden, a.MaskBlocks = 384, 12, 6, 1536, 3
	case "B":
		a.Width, a.Blocks, a.Heads, a.Hidden, a.MaskBlocks = 768, 12, 12, 3072, 3
	case "L":
		a.Width, a.Blocks, a.Heads, a.Hidden, a.MaskBlocks = 1024, 24, 16, 4096, 4
	case "g":
		a.Width, a.Blocks, a.Heads, a.Hidden, a.MaskBlocks = 1536, 40, 24, 4096, 5
		a.SwiGLU = true
	default:
		return Architecture{}, fmt.Errorf("model: size %q: expected S, B, L, g or custom", name)
	}
	return a, nil
}
