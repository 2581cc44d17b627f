package arch

import (
	"strings"
	"testing"
)

// tiny is small but has every part: registers, three blocks that see queries, a
// ScaleBlock and an image that is not square.
func tiny(kind Kind) Architecture {
	return Architecture{Width: 32, Blocks: 5, Heads: 2, Hidden: 64, MaskBlocks: 3,
		Registers: 4, Grid: [2]int{4, 6}, Queries: 6, Classes: 5}.ForKind(kind).ForPatch(8)
}

func TestValidateNamesTheField(t *testing.T) {
	for want, change := range map[string]func(*Architecture){
		"model: image width 0: must be a positive multiple of the patch, 8":    func(a *Architecture) { a.Grid[1] = 0 },
		"model: patch 12: must be a power of two, at least 4":                  func(a *Architecture) { a.Patch = 12 },
		"model: upscaling blocks 2: patch 8 takes 1":                           func(a *Architecture) { a.Upscales = 2 },
		"model: heads 5: must divide the width 32":                             func(a *Architecture) { a.Heads = 5 },
		"model: query_blocks 6: must be between 1 and the number of blocks, 5": func(a *Architecture) { a.MaskBlocks = 6 },
		"model: kind vit: expected dinov2 or dinov3":                           func(a *Architecture) { a.Kind = "vit" },
		"model: network mask2former: expected one of eomt, eomt_masked, vit_decoder_single_scale, vit_decoder, vit_mask2former, vit_adapter_mask2former": func(a *Architecture) { a.Network = "mask2former" },
		"model: queries 0: must be positive":                   func(a *Architecture) { a.Queries = 0 },
		"model: rope_theta 50: dinov2 has no rotary embedding": func(a *Architecture) { a.RopeTheta = 50 },
		"model: rope_theta 0: must be positive":                func(a *Architecture) { a.Kind = DINOv3 },
	} {
		a := tiny(DINOv2)
		change(&a)
		if err := a.Validate(); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	for _, kind := range []Kind{DINOv2, DINOv3} {
		if err := tiny(kind).Validate(); err != nil {
			t.Error(err)
		}
	}
}

func TestForImageWantsWholePatches(t *testing.T) {
	a, err := tiny(DINOv2).ForImage(16, 24)
	if err != nil || a.Grid != [2]int{2, 3} || a.ImageH() != 16 || a.ImageW() != 24 {
		t.Errorf("%v, %v", a.Grid, err)
	}
	_, err = tiny(DINOv2).ForImage(16, 50)
	if want := "model: image width 50: must be a positive multiple of the patch, 8"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestHeadNamesAreWhatABackboneLacks(t *testing.T) {
	a := tiny(DINOv2)
	heads := strings.Join(a.HeadNames(), " ")
	if n := len(a.Parameters()) - len(a.Backbone().Parameters()); n != len(a.HeadNames()) || strings.Contains(heads, "backbone.") || !strings.HasPrefix(heads, "q.weight class_head.weight") {
		t.Errorf("%d parameters beside the backbone; names %s", n, heads)
	}
}
