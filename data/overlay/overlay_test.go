package overlay

import (
	"bytes"
	"image/color"
	"testing"

	"eomt/data"
)

func TestDraw(t *testing.T) {
	s := &data.Sample{Image: data.NewRGB(400, 100), Masks: data.NewPlanes(400, 100, 2),
		Instances: []data.Instance{{Class: 1}, {Class: 0}}}
	for i := range s.Image.Pix {
		s.Image.Pix[i] = 200
	}
	for y := range 100 {
		for x := range 200 {
			s.Masks.Set(x, y, 0)
			if x >= 100 {
				s.Masks.Set(x, y, 1)
			}
		}
	}
	classes := []data.Class{{Name: "blue", Color: [3]uint8{0, 0, 255}}, {Name: "red", Color: [3]uint8{255, 0, 0}}}
	got := Draw(s, classes)
	if got.Rect.Dx() != 400 || got.Rect.Dy() != 100 {
		t.Fatalf("drawing of %v, want 400 x 100", got.Rect)
	}
	for x, want := range map[int]color.NRGBA{
		10:  {230, 89, 89, 255},   // .45 * 200 + .55 * red
		99:  {255, 255, 255, 255}, // outline between the two
		190: {89, 89, 230, 255},   // the later target is on top
		300: {70, 70, 70, 255},    // no target: .35 * 200
	} {
		if c := got.NRGBAAt(x, 5); c != want {
			t.Errorf("pixel %d: %v, want %v", x, c, want)
		}
	}
	s.Instances[1].Crowd = true
	if c := Draw(s, classes).NRGBAAt(190, 2); c == (color.NRGBA{89, 89, 230, 255}) {
		t.Error("a crowd is not hatched")
	}
}

// Small images are enlarged by an integer factor.
func TestSmall(t *testing.T) {
	s := &data.Sample{Image: data.NewRGB(50, 30), Masks: data.NewPlanes(50, 30, 0)}
	if got := Draw(s, nil).Rect; got.Dx() != 350 || got.Dy() != 210 {
		t.Errorf("drawing of %v, want 350 x 210", got)
	}
	if got := Plain(s.Image).Rect; got.Dx() != 350 {
		t.Errorf("image of %v, want 350 wide", got)
	}
}

// Names in any script are told apart: letters that a font lacks are not boxes, which
// would be the same for all names of a length.
func TestNamesInAnyScript(t *testing.T) {
	s := &data.Sample{Image: data.NewRGB(400, 100), Masks: data.NewPlanes(400, 100, 1), Instances: []data.Instance{{}}}
	for i := range 400 * 100 {
		s.Masks.Set(i%400, i/400, 0)
	}
	for _, pair := range [][2]string{{"γατ", "σκυ"}, {"猫", "犬"}, {"قطة", "كلب"}, {"🐈", "🐕"}} {
		a, b := Draw(s, []data.Class{{Name: pair[0]}}), Draw(s, []data.Class{{Name: pair[1]}})
		if bytes.Equal(a.Pix, b.Pix) {
			t.Errorf("%s and %s are drawn alike", pair[0], pair[1])
		}
	}
	if got := Note([]data.Class{{Name: "cat"}}); got != "" {
		t.Error(got)
	}
}
