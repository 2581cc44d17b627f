package arch

// Settings are the configuration keys of the network. Width to QueryBlocks and Patch
// are for size custom only.
type Settings struct {
	Size        string  `yaml:"size" doc:"Published size of the backbone (ViT-S, B, L or g), or custom, which the keys from width on describe." choice:"S B L g custom"`
	Network     string  `yaml:"network" doc:"What segments: eomt is the paper's network." choice:"eomt"`
	Backbone    string  `yaml:"backbone" doc:"Kind of ViT." choice:"dinov2 dinov3"`
	Image       [2]int  `yaml:"image,flow" doc:"Height and width of the network's input in pixels, multiples of the patch; square for task semantic." range:"[1, 65536]"`
	Queries     int     `yaml:"queries" doc:"Learned queries: the most segments that one prediction has." range:"[1, 65536]"`
	Width       int     `yaml:"width,omitempty" doc:"Size custom: channels of a token." range:"[0, 65536]" default:"the size's"`
	Blocks      int     `yaml:"blocks,omitempty" doc:"Size custom: transformer blocks." range:"[0, 1024]" default:"the size's"`
	Heads       int     `yaml:"heads,omitempty" doc:"Size custom: attention heads." range:"[0, 65536]" default:"the size's"`
	MLPHidden   int     `yaml:"mlp_hidden,omitempty" doc:"Size custom: hidden channels of a block's MLP." range:"[0, 1048576]" default:"the size's"`
	QueryBlocks int     `yaml:"query_blocks,omitempty" doc:"Size custom: last blocks that process the queries together with the patches." range:"[0, 1024]" default:"the size's"`
	Patch       int     `yaml:"patch,omitempty" doc:"Size custom: side of a patch in pixels." range:"[0, 1024]" default:"the size's, 16"`
	NormEps     float64 `yaml:"norm_eps,omitempty" doc:"Epsilon of the backbone's LayerNorms, for weights that were trained with another." range:"[0, 1]" default:"the backbone's: dinov2 1e-6, dinov3 1e-5"`
	RopeTheta   float64 `yaml:"rope_theta,omitempty" doc:"Backbone dinov3: base of the rotary periods, for weights that were trained with another." range:"[0, inf)" default:"the backbone's, 100"`
	Registers   *int    `yaml:"registers,omitempty" doc:"Register tokens; 0 for a DINOv2 that was trained without." range:"[0, 1024]" default:"the size's, 4; custom: 0"`
}

// SizeCustom is the size of a network that the other keys describe.
const SizeCustom = "custom"

// DefaultSettings are EoMT-L on DINOv2 at 640 px.
func DefaultSettings() Settings {
	return Settings{Network: EoMT, Size: "L", Backbone: string(DINOv2), Image: [2]int{640, 640}, Queries: 200}
}

// Architecture is the network that s describes, for a number of classes.
func (s Settings) Architecture(classes int) (Architecture, error) {
	a := Architecture{Width: s.Width, Blocks: s.Blocks, Heads: s.Heads, Hidden: s.MLPHidden,
		MaskBlocks: s.QueryBlocks}.ForPatch(s.Patch)
	if s.Size != SizeCustom {
		var err error
		if a, err = Size(s.Size); err != nil {
			return Architecture{}, err
		}
	}
	if s.Registers != nil {
		a.Registers = *s.Registers
	}
	a = a.ForKind(Kind(s.Backbone))
	if s.NormEps != 0 {
		a.NormEps = s.NormEps
	}
	if s.RopeTheta != 0 {
		a.RopeTheta = s.RopeTheta
	}
	a.Network, a.Queries, a.Classes = s.Network, s.Queries, classes
	a, err := a.ForImage(s.Image[0], s.Image[1])
	if err != nil {
		return a, err
	}
	return a, a.Validate()
}
