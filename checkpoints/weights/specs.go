package weights

import (
	"fmt"

	"eomt/checkpoints"
	"eomt/checkpoints/names"
)

// Specs lists the parameters of a model in a fixed order: backbone, and where
// it has queries, the queries, heads and ScaleBlocks.
func Specs(a names.Architecture) []checkpoints.Spec {
	s := &specs{}
	d := a.Width
	s.add("backbone.cls_token", 1, 1, d)
	if a.Registers > 0 {
		s.add("backbone.reg_token", 1, a.Registers, d)
	}
	if a.Kind == names.DINOv2 {
		s.add("backbone.pos_embed", 1, a.Grid[0]*a.Grid[1], d)
	}
	s.add(patchWeight, d, 3, a.Patch, a.Patch)
	s.add("backbone.patch_embed.proj.bias", d)
	fc1 := a.Hidden
	if a.SwiGLU {
		fc1 *= 2
	}
	for i := range a.Blocks {
		block := fmt.Sprintf("backbone.blocks.%d.", i)
		s.norm(block + "norm1")
		s.linear(block+"attn.qkv", 3*d, d)
		s.linear(block+"attn.proj", d, d)
		s.add(block+"ls1.gamma", d)
		s.norm(block + "norm2")
		s.linear(block+"mlp.fc1", fc1, d)
		s.linear(block+"mlp.fc2", d, a.Hidden)
		s.add(block+"ls2.gamma", d)
	}
	s.norm("backbone.norm")
	if !a.BackboneOnly() {
		s.heads(a)
	}
	return s.list
}

type specs struct{ list []checkpoints.Spec }

func (s *specs) add(name string, shape ...int) {
	s.list = append(s.list, checkpoints.Spec{Name: name, Shape: shape})
}

func (s *specs) norm(name string) {
	s.add(name+".weight", s.width())
	s.add(name+".bias", s.width())
}

func (s *specs) linear(name string, out, in int) {
	s.add(name+".weight", out, in)
	s.add(name+".bias", out)
}

// width is D, the last axis of the first parameter.
func (s *specs) width() int { return s.list[0].Shape[2] }

func (s *specs) heads(a names.Architecture) {
	d := a.Width
	s.add("q.weight", a.Queries, d)
	s.linear("class_head", a.Classes+1, d)
	for _, i := range []int{0, 2, 4} {
		s.linear(fmt.Sprintf("mask_head.%d", i), d, d)
	}
	for i := range a.Upscales {
		block := fmt.Sprintf("upscale.%d.", i)
		s.add(block+"conv1.weight", d, d, 2, 2)
		s.add(block+"conv1.bias", d)
		s.add(block+"conv2.weight", d, 1, 3, 3)
		s.norm(block + "norm")
	}
}
