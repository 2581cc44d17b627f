package model

import (
	"fmt"
	"math/bits"
)

// Kind is the family of the backbone.
type Kind string

const (
	DINOv2 Kind = "dinov2" // learned absolute position embedding
	DINOv3 Kind = "dinov3" // axial rotary position embedding, key without bias
)

// Config is an EoMT architecture. The zero value is not usable; start from
// [Size] or fill in every field.
type Config struct {
	Kind        Kind
	Width       int  // D
	Blocks      int  // all blocks of the ViT
	Heads       int  // A; head dimension is Width/Heads
	MLPHidden   int  // width inside the MLP (of each half where SwiGLU)
	SwiGLU      bool // silu(x1)*x2 instead of GELU(x)
	QueryBlocks int  // L: the last blocks, which see the queries
	Registers   int  // register tokens after cls
	Patch       int  // pixels a patch side, a power of two >= 4 for EoMT
	ImageH      int  // pixels, a multiple of Patch
	ImageW      int
	Queries     int     // Q
	Classes     int     // C, without no-object
	NormEpsilon float64 // of the backbone's LayerNorms
}

// Size returns the published backbone "S", "B", "L" or "g" (EOMT: DINOv2 with
// registers) at 640 x 640 pixels with 200 queries and 133 classes.
func Size(name string) (Config, error) {
	c := Config{Kind: DINOv2, Registers: 4, Patch: 16, ImageH: 640, ImageW: 640,
		Queries: 200, Classes: 133, NormEpsilon: 1e-6}
	switch name {
	case "S":
		c.Width, c.Blocks, c.Heads, c.MLPHidden, c.QueryBlocks = 384, 12, 6, 1536, 3
	case "B":
		c.Width, c.Blocks, c.Heads, c.MLPHidden, c.QueryBlocks = 768, 12, 12, 3072, 3
	case "L":
		c.Width, c.Blocks, c.Heads, c.MLPHidden, c.QueryBlocks = 1024, 24, 16, 4096, 4
	case "g":
		c.Width, c.Blocks, c.Heads, c.MLPHidden, c.QueryBlocks = 1536, 40, 24, 4096, 5
		c.SwiGLU = true
	default:
		return Config{}, fmt.Errorf("model: size %q: expected S, B, L, g or custom", name)
	}
	return c, nil
}

// Validate reports the first field that no EoMT can have.
func (c Config) Validate() error {
	fail := func(field string, value any, rule string) error {
		return fmt.Errorf("model: %s %v: %s", field, value, rule)
	}
	switch {
	case c.Kind != DINOv2 && c.Kind != DINOv3:
		return fail("kind", c.Kind, "expected dinov2 or dinov3")
	case c.Width <= 0:
		return fail("width", c.Width, "must be positive")
	case c.Heads <= 0 || c.Width%c.Heads != 0:
		return fail("heads", c.Heads, fmt.Sprintf("must divide the width %d", c.Width))
	case c.Kind == DINOv3 && c.Width/c.Heads%4 != 0:
		return fail("heads", c.Heads, fmt.Sprintf("head dimension %d must be a multiple of 4 for rotary embedding", c.Width/c.Heads))
	case c.MLPHidden <= 0:
		return fail("mlp_hidden", c.MLPHidden, "must be positive")
	case c.Blocks <= 0:
		return fail("blocks", c.Blocks, "must be positive")
	case c.QueryBlocks <= 0 || c.QueryBlocks > c.Blocks:
		return fail("query_blocks", c.QueryBlocks, fmt.Sprintf("must be between 1 and the number of blocks, %d", c.Blocks))
	case c.Registers < 0:
		return fail("registers", c.Registers, "must not be negative")
	case c.Patch < 4 || bits.OnesCount(uint(c.Patch)) != 1:
		return fail("patch", c.Patch, "must be a power of two, at least 4")
	case c.ImageH <= 0 || c.ImageH%c.Patch != 0:
		return fail("image height", c.ImageH, fmt.Sprintf("must be a positive multiple of the patch, %d", c.Patch))
	case c.ImageW <= 0 || c.ImageW%c.Patch != 0:
		return fail("image width", c.ImageW, fmt.Sprintf("must be a positive multiple of the patch, %d", c.Patch))
	case c.Queries <= 0:
		return fail("queries", c.Queries, "must be positive")
	case c.Classes <= 0:
		return fail("classes", c.Classes, "must be positive")
	case c.NormEpsilon <= 0:
		return fail("norm epsilon", c.NormEpsilon, "must be positive")
	}
	return nil
}

// GridH and GridW are the patches along each side.
func (c Config) GridH() int { return c.ImageH / c.Patch }
func (c Config) GridW() int { return c.ImageW / c.Patch }

// Prefix is R, the tokens between queries and patches: cls and registers.
func (c Config) Prefix() int { return 1 + c.Registers }

// HeadDim is E.
func (c Config) HeadDim() int { return c.Width / c.Heads }

// ScaleBlocks is the number of x2 upsampling blocks, which bring the patch grid
// to stride 4 (2 where the patch is 4): max(1, log2(Patch) - 2), as
// models/eomt.py has it.
func (c Config) ScaleBlocks() int { return max(1, bits.Len(uint(c.Patch))-3) }

// MaskH and MaskW are the size h, w of the mask logits.
func (c Config) MaskH() int { return c.GridH() << c.ScaleBlocks() }
func (c Config) MaskW() int { return c.GridW() << c.ScaleBlocks() }

// FirstQueryBlock is the index of the first block that sees queries.
func (c Config) FirstQueryBlock() int { return c.Blocks - c.QueryBlocks }
