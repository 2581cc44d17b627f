package model

import (
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
)

// Init is how a parameter starts when no weights give it.
type Init int

const (
	InitZero       Init = iota
	InitOne             // LayerNorm weights
	InitNormal          // N(0, 1): queries (torch's Embedding)
	InitUniform         // U(+-1/sqrt(FanIn)): torch's Linear and convolutions
	InitTruncated       // N(0, 0.02) cut at two deviations: tokens, embeddings and Linear of a ViT
	InitLayerScale      // 1e-5 in timm; see [layerScaleInit]
)

// layerScaleInit is what ls1 and ls2 start at where training starts from nothing.
// Differs: timm's 1e-5 is meant for hundreds of epochs; a ViT trained here from
// scratch is small, and 1 lets it move from the first step.
const layerScaleInit = 1.0

// Part says which learning-rate rule a parameter follows.
type Part int

const (
	PartEmbedding Part = iota // cls, registers, position and patch embedding
	PartBlock                 // a block of the backbone
	PartNorm                  // the backbone's final norm
	PartHead                  // queries, class head, mask head, ScaleBlocks: what is new
)

// ParamInfo is one row of the table of parameters.
//
// Names are those of the reference implementation's state dict without the
// prefixes "network.encoder." and "network."; layouts are torch's, so that a
// conversion is a renaming: Linear [out, in], convolution [out, in, kh, kw],
// transposed convolution [in, out, kh, kw].
type ParamInfo struct {
	Name  string
	Shape []int
	Part  Part
	Block int // index of the block for PartBlock, else -1
	Init  Init
	FanIn int // for InitUniform
}

// Size is the number of elements.
func (p ParamInfo) Size() int {
	n := 1
	for _, d := range p.Shape {
		n *= d
	}
	return n
}

// Parameters lists all parameters in a fixed order: backbone, queries, heads,
// ScaleBlocks. The order and the names are a contract of checkpoints.
func (c Config) Parameters() []ParamInfo {
	t := &table{c: c}
	t.backbone()
	t.heads()
	return t.rows
}

// table collects rows; part and block hold for the rows that follow.
type table struct {
	c     Config
	part  Part
	block int
	rows  []ParamInfo
}

func (t *table) add(name string, init Init, fanIn int, shape ...int) {
	t.rows = append(t.rows, ParamInfo{Name: name, Shape: shape, Part: t.part, Block: t.block, Init: init, FanIn: fanIn})
}

func (t *table) norm(name string) {
	t.add(name+".weight", InitOne, 0, t.c.Width)
	t.add(name+".bias", InitZero, 0, t.c.Width)
}

// vitLinear is a Linear of the backbone, which starts as timm's ViTs do.
func (t *table) vitLinear(name string, out, in int) {
	t.add(name+".weight", InitTruncated, in, out, in)
	t.add(name+".bias", InitZero, 0, out)
}

func (t *table) headLinear(name string, out, in int) {
	t.add(name+".weight", InitUniform, in, out, in)
	t.add(name+".bias", InitUniform, in, out)
}

func (t *table) backbone() {
	c, d := t.c, t.c.Width
	t.part, t.block = PartEmbedding, -1
	t.add("backbone.cls_token", InitTruncated, 0, 1, 1, d)
	if c.Registers > 0 {
		t.add("backbone.reg_token", InitTruncated, 0, 1, c.Registers, d)
	}
	if c.Kind == DINOv2 {
		t.add("backbone.pos_embed", InitTruncated, 0, 1, c.GridH()*c.GridW(), d)
	}
	fan := 3 * c.Patch * c.Patch
	t.add("backbone.patch_embed.proj.weight", InitUniform, fan, d, 3, c.Patch, c.Patch)
	t.add("backbone.patch_embed.proj.bias", InitUniform, fan, d)
	fc1 := c.MLPHidden
	if c.SwiGLU {
		fc1 *= 2
	}
	t.part = PartBlock
	for i := range c.Blocks {
		t.block = i
		name := fmt.Sprintf("backbone.blocks.%d.", i)
		t.norm(name + "norm1")
		t.vitLinear(name+"attn.qkv", 3*d, d)
		t.vitLinear(name+"attn.proj", d, d)
		t.add(name+"ls1.gamma", InitLayerScale, 0, d)
		t.norm(name + "norm2")
		t.vitLinear(name+"mlp.fc1", fc1, d)
		t.vitLinear(name+"mlp.fc2", d, c.MLPHidden)
		t.add(name+"ls2.gamma", InitLayerScale, 0, d)
	}
	t.part, t.block = PartNorm, -1
	t.norm("backbone.norm")
}

func (t *table) heads() {
	c, d := t.c, t.c.Width
	t.part, t.block = PartHead, -1
	t.add("q.weight", InitNormal, 0, c.Queries, d)
	t.headLinear("class_head", c.Classes+1, d)
	for _, i := range []int{0, 2, 4} {
		t.headLinear(fmt.Sprintf("mask_head.%d", i), d, d)
	}
	for i := range c.ScaleBlocks() {
		name := fmt.Sprintf("upscale.%d.", i)
		// torch takes a transposed convolution's fan-in from its second axis.
		t.add(name+"conv1.weight", InitUniform, 4*d, d, d, 2, 2)
		t.add(name+"conv1.bias", InitUniform, 4*d, d)
		t.add(name+"conv2.weight", InitUniform, 9, d, 1, 3, 3)
		t.norm(name + "norm")
	}
}

// Initialize returns the parameter's starting values for a run's seed. They
// depend on seed and name alone, not on the order or number of other parameters.
func (p ParamInfo) Initialize(seed uint64) []float32 {
	h := fnv.New64a()
	h.Write([]byte(p.Name))
	rng := rand.New(rand.NewPCG(seed, h.Sum64()))
	draw := func() float64 { return 0 }
	switch p.Init {
	case InitOne:
		draw = func() float64 { return 1 }
	case InitNormal:
		draw = rng.NormFloat64
	case InitUniform:
		bound := 1 / math.Sqrt(float64(p.FanIn))
		draw = func() float64 { return bound * (2*rng.Float64() - 1) }
	case InitTruncated:
		std := 0.02
		if p.FanIn > 0 {
			std = min(1/math.Sqrt(float64(p.FanIn)), 0.1)
		}
		draw = func() float64 {
			for {
				if x := rng.NormFloat64(); math.Abs(x) <= 2 {
					return std * x
				}
			}
		}
	case InitLayerScale:
		draw = func() float64 { return layerScaleInit }
	}
	values := make([]float32, p.Size())
	for i := range values {
		values[i] = float32(draw())
	}
	return values
}
