package arch

import "testing"

func TestSettings(t *testing.T) {
	s := DefaultSettings()
	a, err := s.Architecture(133)
	want, sizeErr := Size("L")
	want.Network = EoMT
	if err != nil || sizeErr != nil || a != want {
		t.Errorf("%+v, want %+v: %v, %v", a, want, err, sizeErr)
	}
	none := 0
	s.Registers, s.NormEps = &none, 1e-4
	if a, err = s.Architecture(133); err != nil || a.Registers != 0 || a.NormEps != 1e-4 {
		t.Errorf("%+v, %v", a, err)
	}
	s = Settings{Size: SizeCustom, Backbone: "dinov3", Image: [2]int{32, 64}, Queries: 5, Width: 32, Blocks: 3, Heads: 2,
		MLPHidden: 64, QueryBlocks: 2, Patch: 8, RopeTheta: 50}
	if a, err = s.Architecture(7); err != nil || a.Grid != [2]int{4, 8} || a.Classes != 7 || a.MaskBlocks != 2 || a.RopeTheta != 50 || a.NormEps != 1e-5 {
		t.Errorf("%+v, %v", a, err)
	}
	s.Backbone, s.RopeTheta, s.Network, s.Patch, s.QueryBlocks = "dinov2", 0, ViTMask2Former, 16, 0
	s.Decoder = DecoderSettings{Width: 64, EncoderLayers: 2}
	if a, err = s.Architecture(7); err != nil || a.DecoderWidth != 64 || a.EncoderLayers != 2 || a.DecoderLayers != 9 || a.DecoderHidden != 2048 || a.EncoderHidden != 1024 || a.DecoderHeads != 8 {
		t.Errorf("%+v, %v", a, err)
	}
	s.QueryBlocks = 2
	if _, err = s.Architecture(7); err == nil || err.Error() != "model: query_blocks 2: no block of vit_mask2former sees queries" {
		t.Errorf("query blocks of a network without them: %v", err)
	}
	s.Image[0] = 30
	if _, err = s.Architecture(7); err == nil {
		t.Error("an image of no whole patches passes")
	}
}
