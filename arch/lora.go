package arch

import (
	"fmt"
	"slices"
	"strings"
)

// LoRA adapts the linear maps of a backbone's blocks by trained factors of low rank
// (arXiv 2106.09685): the weight W [out, in] of a target, which stays as it is, acts as
// W + Alpha/Rank B A with A [Rank, in] and B [out, Rank]. The zero value is none.
type LoRA struct {
	Rank    int     `json:"rank"`
	Alpha   float64 `json:"alpha"`
	Targets string  `json:"targets"` // of LoRATargets, in that order, separated by spaces
}

// LoRATargets are the linear maps of a block that LoRA can adapt. Query, key and value
// have factors of their own, though their weights are rows of one parameter.
var LoRATargets = []string{"q", "k", "v", "proj", "fc1", "fc2"}

// LoRAPrefix begins the names of all factors: "lora.", the name of the map they adapt,
// and ".a" or ".b".
const LoRAPrefix = "lora."

// String describes the adaptation in a message.
func (l LoRA) String() string {
	if l.Rank == 0 {
		return "none"
	}
	return fmt.Sprintf("rank %d, alpha %g on %s", l.Rank, l.Alpha, l.Targets)
}

// Scale is the factor on B A.
func (l LoRA) Scale() float64 { return l.Alpha / float64(l.Rank) }

// Adapter is a pair of factors, called Name+".a" [rank, In] and Name+".b" [Rows, rank].
type Adapter struct {
	Name     string
	Weight   string // the parameter that it adapts, [out, In]
	Row      int    // the first of the rows of Weight that it adapts
	Rows, In int
	Block    int
}

// Adapters lists the network's adapters, block by block; none without [LoRA].
func (a Architecture) Adapters() []Adapter {
	if a.LoRA.Rank == 0 {
		return nil
	}
	d, up := a.Width, a.Hidden
	if a.SwiGLU {
		up *= 2
	}
	targets := strings.Fields(a.LoRA.Targets)
	var list []Adapter
	for block := range a.Blocks {
		prefix := fmt.Sprintf("%s%d.", BlockPrefix, block)
		for _, one := range []struct {
			target, name, weight string
			row, rows, in        int
		}{
			{"q", "attn.q", "attn.qkv", 0, d, d},
			{"k", "attn.k", "attn.qkv", d, d, d},
			{"v", "attn.v", "attn.qkv", 2 * d, d, d},
			{"proj", "attn.proj", "attn.proj", 0, d, d},
			{"fc1", "mlp.fc1", "mlp.fc1", 0, up, d},
			{"fc2", "mlp.fc2", "mlp.fc2", 0, d, a.Hidden},
		} {
			if slices.Contains(targets, one.target) {
				list = append(list, Adapter{Name: LoRAPrefix + prefix + one.name, Weight: prefix + one.weight + ".weight",
					Row: one.row, Rows: one.rows, In: one.in, Block: block})
			}
		}
	}
	return list
}

// lora lists the factors. B starts at zero, so that the network starts as its base.
// Source of A's start: microsoft/LoRA, loralib/layers.py, which takes that of Linear.
func (t *table) lora() {
	t.part = PartLoRA
	for _, one := range t.a.Adapters() {
		t.block = one.Block
		t.add(one.Name+".a", InitUniform, one.In, t.a.LoRA.Rank, one.In)
		t.add(one.Name+".b", InitZero, 0, one.Rows, t.a.LoRA.Rank)
	}
}

// validate reports a value that no adaptation has.
func (l LoRA) validate() error {
	if l == (LoRA{}) {
		return nil
	}
	targets := strings.Fields(l.Targets)
	for _, target := range targets {
		if !slices.Contains(LoRATargets, target) {
			return fieldError("lora targets", l.Targets, "expected some of "+strings.Join(LoRATargets, " "))
		}
	}
	switch {
	case l.Rank < 1:
		return fieldError("lora rank", l.Rank, "must be positive")
	case !(l.Alpha > 0):
		return fieldError("lora alpha", l.Alpha, "must be positive")
	case len(targets) == 0:
		return fieldError("lora targets", l.Targets, "expected some of "+strings.Join(LoRATargets, " "))
	}
	return nil
}
