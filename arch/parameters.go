package arch

import "fmt"

// Init is how a parameter starts when no weights give it.
type Init int

const (
	InitZero        Init = iota
	InitOne              // weights of norms
	InitNormal           // N(0, 1): queries (torch's Embedding)
	InitUniform          // U(+-1/sqrt(Fan)), Fan inputs per output: torch's Linear and convolutions
	InitUnit             // U(+-sqrt(3/Fan)), Fan inputs per output: outputs as varied as inputs
	InitXavier           // U(+-sqrt(6/(inputs + outputs))), both as the shape has them
	InitConvolution      // N(0, 2/Fan), Fan outputs per input
	InitTruncated        // normal, cut at two deviations: tokens, embeddings and Linear of a ViT
	InitLayerScale       // see [layerScaleInit]
	InitOffsets          // points around each of Fan heads of deformable attention, see [offsets]
)

// Part says which learning-rate rule a parameter follows.
type Part int

const (
	PartEmbedding Part = iota // cls, registers, position and patch embedding
	PartBlock                 // a block of the backbone
	PartNorm                  // the backbone's final norm
	PartHead                  // what is new: queries, heads, ScaleBlocks
	PartLoRA                  // low-rank factors of a block
)

// Parameter is one row of the table of parameters.
type Parameter struct {
	Name  string
	Shape []int
	Part  Part
	Block int // index of the block for PartBlock and PartLoRA, otherwise -1
	Init  Init
	Fan   int // see the Init that uses it; 0 for InitTruncated is a deviation of .02
}

// Size is the number of elements.
func (p Parameter) Size() int { return size(p.Shape) }

func size(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// Buffer is a value that training updates without a gradient, such as a
// BatchNorm's running mean: an input and an output of the step, an input of
// inference, kept in checkpoints.
type Buffer struct {
	Name  string
	Shape []int
	Start float32 // the value of every element before the first step
}

// Size is the number of elements.
func (b Buffer) Size() int { return size(b.Shape) }

// Parameters lists all parameters in a fixed order: backbone, queries, heads,
// ScaleBlocks, low-rank factors. Names and order are a contract of checkpoints.
func (a Architecture) Parameters() []Parameter {
	t := &table{a: a}
	t.backbone()
	t.part, t.block = PartHead, -1
	switch {
	case a.HasDecoder():
		t.decoders()
	case !a.BackboneOnly():
		t.eomt()
	}
	t.lora()
	return t.rows
}

// decoders lists what a network with a Transformer decoder adds to its backbone.
func (t *table) decoders() {
	if t.a.HasAdapter() {
		t.adapter()
	} else {
		t.pyramid()
	}
	if t.a.HasPixelDecoder() {
		t.pixelDecoder()
	}
	t.maskDecoder()
}

// Buffers lists the running values in a fixed order: mean and variance of each
// BatchNorm of the adapter. Other networks have none.
func (a Architecture) Buffers() []Buffer {
	var list []Buffer
	if a.HasAdapter() {
		a.batchNorms(func(name string, channels int) {
			list = append(list, Buffer{name + ".running_mean", []int{channels}, 0}, Buffer{name + ".running_var", []int{channels}, 1})
		})
	}
	return list
}

// Tensor is the name and shape of a value that inference reads.
type Tensor struct {
	Name  string
	Shape []int
}

// Tensors lists all that inference reads: the parameters, then the buffers, each
// in order.
func (a Architecture) Tensors() []Tensor {
	var list []Tensor
	for _, p := range a.Parameters() {
		list = append(list, Tensor{p.Name, p.Shape})
	}
	for _, b := range a.Buffers() {
		list = append(list, Tensor{b.Name, b.Shape})
	}
	return list
}

// HeadNames are the names of the parameters and buffers that a backbone's weights do
// not have.
func (a Architecture) HeadNames() []string {
	var list []string
	for _, p := range a.Parameters() {
		if p.Part == PartHead {
			list = append(list, p.Name)
		}
	}
	for _, b := range a.Buffers() {
		list = append(list, b.Name)
	}
	return list
}

// The names of parameters that more than the graph looks at: shapes of these
// show the architecture, and formats treat some in their own way.
const (
	ClsToken    = "backbone.cls_token"
	RegToken    = "backbone.reg_token"
	PosEmbed    = "backbone.pos_embed"
	PatchWeight = "backbone.patch_embed.proj.weight"
	BlockPrefix = "backbone.blocks."
	QueryWeight = "q.weight"
	// QueryFeatures are the queries of a network with a Transformer decoder.
	QueryFeatures = "decoder.queries.features"
	ClassWeight   = "class_head.weight"
	UpPrefix      = "upscale."
)

// table collects rows; part and block hold for the rows that follow.
type table struct {
	a     Architecture
	part  Part
	block int
	rows  []Parameter
}

func (t *table) add(name string, init Init, fan int, shape ...int) {
	t.rows = append(t.rows, Parameter{Name: name, Shape: shape, Part: t.part, Block: t.block, Init: init, Fan: fan})
}

func (t *table) norm(name string) { t.normOf(name, t.a.Width) }

func (t *table) normOf(name string, width int) {
	t.add(name+".weight", InitOne, 0, width)
	t.add(name+".bias", InitZero, 0, width)
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
	a, d := t.a, t.a.Width
	t.part, t.block = PartEmbedding, -1
	t.add(ClsToken, InitTruncated, 0, 1, 1, d)
	if a.Registers > 0 {
		t.add(RegToken, InitTruncated, 0, 1, a.Registers, d)
	}
	if a.Kind == DINOv2 {
		t.add(PosEmbed, InitTruncated, 0, 1, a.Grid[0]*a.Grid[1], d)
	}
	fan := 3 * a.Patch * a.Patch
	t.add(PatchWeight, InitUniform, fan, d, 3, a.Patch, a.Patch)
	t.add("backbone.patch_embed.proj.bias", InitUniform, fan, d)
	fc1 := a.Hidden
	if a.SwiGLU {
		fc1 *= 2
	}
	t.part = PartBlock
	for i := range a.Blocks {
		t.block = i
		name := fmt.Sprintf("%s%d.", BlockPrefix, i)
		t.norm(name + "norm1")
		t.vitLinear(name+"attn.qkv", 3*d, d)
		t.vitLinear(name+"attn.proj", d, d)
		t.add(name+"ls1.gamma", InitLayerScale, 0, d)
		t.norm(name + "norm2")
		t.vitLinear(name+"mlp.fc1", fc1, d)
		t.vitLinear(name+"mlp.fc2", d, a.Hidden)
		t.add(name+"ls2.gamma", InitLayerScale, 0, d)
	}
	t.part, t.block = PartNorm, -1
	t.norm("backbone.norm")
}
