package names

import "fmt"

// Kind is the family of backbone that a model is built on.
type Kind string

const (
	DINOv2 Kind = "dinov2" // learned position embedding
	DINOv3 Kind = "dinov3" // axial RoPE, no position embedding, key without bias
)

// Architecture is what the names and shapes of a model's parameters follow
// from. A backbone alone has no Queries, Classes, MaskBlocks and Upscales.
type Architecture struct {
	Kind       Kind    `json:"kind"`
	Width      int     `json:"width"`  // D
	Blocks     int     `json:"blocks"` // L
	Heads      int     `json:"heads"`
	Hidden     int     `json:"hidden"` // MLP width; with SwiGLU of each half
	SwiGLU     bool    `json:"swiglu,omitempty"`
	Patch      int     `json:"patch"` // pixels a side
	Grid       [2]int  `json:"grid"`  // patches in height and width that pos_embed is for; the training size for DINOv3
	Registers  int     `json:"registers"`
	Queries    int     `json:"queries,omitempty"`
	Classes    int     `json:"classes,omitempty"`     // without no-object
	MaskBlocks int     `json:"mask_blocks,omitempty"` // L2, the last blocks that see the queries
	Upscales   int     `json:"upscales,omitempty"`    // ScaleBlocks
	HeadSiLU   bool    `json:"head_silu,omitempty"`   // mask head and ScaleBlocks have SiLU for GELU, as transformers' gated EomtDinov3
	NormEps    float64 `json:"norm_eps"`
	RopeTheta  float64 `json:"rope_theta,omitempty"` // DINOv3 only
}

// BackboneOnly tells that a has no segmentation head.
func (a Architecture) BackboneOnly() bool { return a.Queries == 0 }

// CheckTold fails where a value that names and shapes of parameters do not show,
// and that was therefore read from a configuration, cannot be.
func (a Architecture) CheckTold() error {
	switch {
	case a.Heads < 0 || a.Heads > 0 && a.Width%a.Heads != 0:
		return fmt.Errorf("%d attention heads cannot share a width of %d", a.Heads, a.Width)
	case a.Grid[0] < 0 || a.Grid[1] < 0 || a.Grid[0] > maxGrid || a.Grid[1] > maxGrid:
		return fmt.Errorf("a grid of %d x %d patches is of no image", a.Grid[0], a.Grid[1])
	case !(a.NormEps > 0 && a.NormEps < 1):
		return fmt.Errorf("an epsilon of %g is none for a norm", a.NormEps)
	case a.Kind == DINOv3 && !(a.RopeTheta > 0):
		return fmt.Errorf("a RoPE base of %g is not positive", a.RopeTheta)
	}
	return nil
}

// maxGrid is more patches on a side than any image has that could be computed on.
const maxGrid = 1 << 16
