package arch

import "fmt"

// Difference is a value in which two architectures differ.
type Difference struct {
	Field  string // as in the JSON form
	Mine   string
	Theirs string
}

// Differences lists all values in which a differs from b, in the order of the
// fields.
func (a Architecture) Differences(b Architecture) []Difference {
	var list []Difference
	add := func(field string, mine, theirs any) {
		if mine != theirs {
			list = append(list, Difference{field, fmt.Sprint(mine), fmt.Sprint(theirs)})
		}
	}
	add("network", a.NetworkName(), b.NetworkName())
	add("kind", a.Kind, b.Kind)
	add("width", a.Width, b.Width)
	add("blocks", a.Blocks, b.Blocks)
	add("heads", a.Heads, b.Heads)
	add("hidden", a.Hidden, b.Hidden)
	add("swiglu", a.SwiGLU, b.SwiGLU)
	add("patch", a.Patch, b.Patch)
	add("grid", a.grid(), b.grid())
	add("registers", a.Registers, b.Registers)
	add("queries", a.Queries, b.Queries)
	add("classes", a.Classes, b.Classes)
	add("mask_blocks", a.MaskBlocks, b.MaskBlocks)
	add("upscales", a.Upscales, b.Upscales)
	add("head_silu", a.HeadSiLU, b.HeadSiLU)
	add("norm_eps", a.NormEps, b.NormEps)
	add("rope_theta", a.RopeTheta, b.RopeTheta)
	add("decoder_width", a.DecoderWidth, b.DecoderWidth)
	add("decoder_heads", a.DecoderHeads, b.DecoderHeads)
	add("decoder_layers", a.DecoderLayers, b.DecoderLayers)
	add("decoder_hidden", a.DecoderHidden, b.DecoderHidden)
	add("encoder_layers", a.EncoderLayers, b.EncoderLayers)
	add("encoder_hidden", a.EncoderHidden, b.EncoderHidden)
	add("lora", a.LoRA, b.LoRA)
	return list
}

func (a Architecture) grid() string { return fmt.Sprintf("%d x %d", a.Grid[0], a.Grid[1]) }
