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
	s.Image[0] = 30
	if _, err = s.Architecture(7); err == nil {
		t.Error("an image of no whole patches passes")
	}
}
