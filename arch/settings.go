package arch

// Settings are the configuration keys of the network. Width to QueryBlocks and Patch
// are for size custom only.
type Settings struct {
	Size        string  `yaml:"size" doc:"Published size of the backbone (ViT-S, B, L or g), or custom, which the keys from width on describe." choice:"S B L g custom"`
	Network     string  `yaml:"network" doc:"What segments: eomt is the paper's network; the others are the rungs that it is compared with, up to ViT-Adapter with Mask2Former." choice:"eomt eomt_masked vit_decoder_single_scale vit_decoder vit_mask2former vit_adapter_mask2former"`
	Backbone    string  `yaml:"backbone" doc:"Kind of ViT." choice:"dinov2 dinov3"`
	Image       [2]int  `yaml:"image,flow" doc:"Height and width of the network's input in pixels, multiples of the patch; square for task semantic." range:"[1, 65536]"`
	Queries     int     `yaml:"queries" doc:"Learned queries: the most segments that one prediction has." range:"[1, 65536]"`
	Width       int     `yaml:"width,omitempty" doc:"Size custom: channels of a token." range:"[0, 65536]" default:"the size's"`
	Blocks      int     `yaml:"blocks,omitempty" doc:"Size custom: transformer blocks." range:"[0, 1024]" default:"the size's"`
	Heads       int     `yaml:"heads,omitempty" doc:"Size custom: attention heads." range:"[0, 65536]" default:"the size's"`
	MLPHidden   int     `yaml:"mlp_hidden,omitempty" doc:"Size custom: hidden channels of a block's MLP." range:"[0, 1048576]" default:"the size's"`
	QueryBlocks int     `yaml:"query_blocks,omitempty" doc:"Size custom, networks eomt and eomt_masked: last blocks that process the queries together with the patches." range:"[0, 1024]" default:"the size's"`
	Patch       int     `yaml:"patch,omitempty" doc:"Size custom: side of a patch in pixels." range:"[0, 1024]" default:"the size's, 16"`
	NormEps     float64 `yaml:"norm_eps,omitempty" doc:"Epsilon of the backbone's LayerNorms, for weights that were trained with another." range:"[0, 1]" default:"the backbone's: dinov2 1e-6, dinov3 1e-5"`
	RopeTheta   float64 `yaml:"rope_theta,omitempty" doc:"Backbone dinov3: base of the rotary periods, for weights that were trained with another." range:"[0, inf)" default:"the backbone's, 100"`
	Registers   *int    `yaml:"registers,omitempty" doc:"Register tokens; 0 for a DINOv2 that was trained without." range:"[0, 1024]" default:"the size's, 4; custom: 0"`

	Decoder DecoderSettings `yaml:",inline"`
}

// DecoderSettings are the sizes of Mask2Former's parts, which are published alike for
// every size of the ViT.
type DecoderSettings struct {
	Width         int `yaml:"decoder_width,omitempty" doc:"Size custom, networks with a Transformer decoder: channels of its tokens and of the masks' map." range:"[0, 65536]" default:"256"`
	Heads         int `yaml:"decoder_heads,omitempty" doc:"Size custom: attention heads of the decoders." range:"[0, 65536]" default:"8"`
	Layers        int `yaml:"decoder_layers,omitempty" doc:"Size custom: layers of the Transformer decoder." range:"[0, 1024]" default:"9"`
	Hidden        int `yaml:"decoder_hidden,omitempty" doc:"Size custom: hidden channels of its MLPs." range:"[0, 1048576]" default:"2048"`
	EncoderLayers int `yaml:"encoder_layers,omitempty" doc:"Size custom, networks with a pixel decoder: its layers." range:"[0, 1024]" default:"6"`
	EncoderHidden int `yaml:"encoder_hidden,omitempty" doc:"Size custom: hidden channels of the pixel decoder's MLPs." range:"[0, 1048576]" default:"1024"`
}

// over is a with the sizes that s states.
func (s DecoderSettings) over(a Architecture) Architecture {
	for _, size := range []struct {
		stated int
		to     *int
	}{{s.Width, &a.DecoderWidth}, {s.Heads, &a.DecoderHeads}, {s.Layers, &a.DecoderLayers}, {s.Hidden, &a.DecoderHidden},
		{s.EncoderLayers, &a.EncoderLayers}, {s.EncoderHidden, &a.EncoderHidden}} {
		if size.stated != 0 {
			*size.to = size.stated
		}
	}
	return a
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
	a.Queries, a.Classes = s.Queries, classes
	stated := a.MaskBlocks
	a = s.Decoder.over(a.ForNetwork(s.Network))
	if s.Size == SizeCustom {
		a.MaskBlocks = stated
	}
	a, err := a.ForImage(s.Image[0], s.Image[1])
	if err != nil {
		return a, err
	}
	return a, a.Validate()
}
