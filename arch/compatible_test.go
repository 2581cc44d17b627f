package arch

import (
	"errors"
	"strings"
	"testing"
)

func startsWith(prefixes ...string) func(string) bool {
	return func(name string) bool {
		for _, prefix := range prefixes {
			if strings.HasPrefix(name, prefix) {
				return true
			}
		}
		return false
	}
}

// What names and shapes do not show is compared too, and each difference says
// both values and what to do.
func TestCompatibleNamesEveryDifference(t *testing.T) {
	network := tiny(DINOv3)
	for want, change := range map[string]func(*Architecture){
		"heads is 4 in the weights and 2 in the network (set model.heads=4)":                             func(a *Architecture) { a.Heads = 4 },
		"mask_blocks is 2 in the weights and 3 in the network (set model.query_blocks=2)":                func(a *Architecture) { a.MaskBlocks = 2 },
		"rope_theta is 50 in the weights and 100 in the network (set model.rope_theta=50)":               func(a *Architecture) { a.RopeTheta = 50 },
		"norm_eps is 1e-06 in the weights and 1e-05 in the network (set model.norm_eps=1e-06)":           func(a *Architecture) { a.NormEps = 1e-6 },
		"head_silu is true in the weights and false in the network (no setting":                          func(a *Architecture) { a.HeadSiLU = true },
		"kind is dinov2 in the weights and dinov3 in the network (set model.backbone=dinov2)":            func(a *Architecture) { a.Kind = DINOv2 },
		"patch is 16 in the weights and 8 in the network":                                                func(a *Architecture) { a.Patch = 16 },
		"queries is 7 in the weights and 6 in the network (set model.queries=7, or new_parameters: [q.]": func(a *Architecture) { a.Queries = 7 },
		"classes is 9 in the weights and 5 in the network (take the data set they were trained on, or":   func(a *Architecture) { a.Classes = 9 },
		"registers is 0 in the weights and 4 in the network (set model.registers=0)":                     func(a *Architecture) { a.Registers = 0 },
		"width is 64 in the weights and 32 in the network (choose the size they were trained in)":        func(a *Architecture) { a.Width = 64 },
	} {
		weights := network
		change(&weights)
		err := network.Compatible(weights, nil)
		var incompatible *IncompatibleError
		if !errors.As(err, &incompatible) || len(incompatible.Differences) != 1 || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	rung, weights := tinyRung(ViTMask2Former), tinyRung(ViTMask2Former)
	weights.Queries = 7
	if err := rung.Compatible(weights, nil); err == nil || !strings.Contains(err.Error(), "or new_parameters: [decoder.queries.] to train other queries") {
		t.Errorf("other queries of a decoder: %v", err)
	}
	if err := rung.Compatible(weights, startsWith("decoder.queries.")); err != nil {
		t.Errorf("fresh queries of a decoder: %v", err)
	}
	if err := rung.Compatible(rung.Backbone(), startsWith(rung.HeadNames()...)); err != nil {
		t.Errorf("a backbone with fresh decoders: %v", err)
	}
	two := network
	two.Heads, two.NormEps = 4, 1e-6
	if err := network.Compatible(two, nil); err == nil || strings.Count(err.Error(), "in the weights") != 2 {
		t.Errorf("two differences: %v", err)
	}
}

func TestCompatibleAllowsWhatIsResizedOrStartsFromScratch(t *testing.T) {
	network := tiny(DINOv2)
	backbone := network.Backbone()
	backbone.Patch, backbone.Heads = 14, 0
	if err := network.Compatible(backbone, nil); !errors.Is(err, ErrBackboneOnly) {
		t.Errorf("a backbone for a whole network: %v", err)
	}
	heads := startsWith("q.", "class_head.", "mask_head.", "upscale.")
	if err := network.Compatible(backbone, heads); err != nil {
		t.Errorf("a backbone with fresh heads: %v", err)
	}
	whole := network
	whole.Grid, whole.Classes = [2]int{9, 9}, 80
	if err := network.Compatible(whole, startsWith("class_head.")); err != nil {
		t.Errorf("another grid and fresh classes: %v", err)
	}
	if err := network.Compatible(whole, startsWith("q.")); err == nil || !strings.Contains(err.Error(), "classes is 80") {
		t.Errorf("another class head that is not fresh: %v", err)
	}
	whole.Patch, whole.HeadSiLU, whole.Queries, whole.MaskBlocks = 16, true, 9, 1
	if err := network.Compatible(whole, heads); err != nil {
		t.Errorf("another head, all of it fresh: %v", err)
	}
}
