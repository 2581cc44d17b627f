package transform

import (
	"math/rand/v2"
	"testing"

	"eomt/data"
)

// scene is an image of 640 x 480 pixels with noise and n overlapping targets.
func scene(n int) *data.Sample {
	rng := rand.New(rand.NewPCG(1, 1))
	img := data.NewRGB(640, 480)
	for i := range img.Pix {
		img.Pix[i] = uint8(rng.IntN(256))
	}
	var targets []goldenTarget
	for range n {
		x, y := rng.IntN(600), rng.IntN(440)
		targets = append(targets, goldenTarget{X0: x, Y0: y, X1: x + 1 + rng.IntN(640-x), Y1: y + 1 + rng.IntN(480-y)})
	}
	return sampleOf(img, targets)
}

func BenchmarkApply(b *testing.B) {
	for _, c := range []struct {
		name string
		tr   Train
		n    int
	}{
		{"coco", Train{H: 640, W: 640, ScaleMin: 0.1, ScaleMax: 2}, 10},
		{"coco-70targets", Train{H: 640, W: 640, ScaleMin: 0.1, ScaleMax: 2}, 70},
		{"ade-jitter", Train{H: 640, W: 640, ScaleMin: 0.1, ScaleMax: 2, ColorJitter: true}, 10},
	} {
		s := scene(c.n)
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			rng := rand.New(rand.NewPCG(1, 1))
			for b.Loop() {
				if _, err := c.tr.Apply(rng, s); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkResize(b *testing.B) {
	s := scene(1)
	for _, c := range []struct {
		name string
		w, h int
	}{{"half", 320, 240}, {"fit", 853, 640}, {"double", 1280, 960}} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				Resize(s.Image, c.w, c.h, Torch)
			}
		})
	}
}

func BenchmarkJitter(b *testing.B) {
	s := scene(1)
	for name, j := range map[string]Jitter{
		"brightness": {Brightness: 1.1, Contrast: 1, Saturation: 1},
		"contrast":   {Brightness: 1, Contrast: 1.1, Saturation: 1},
		"saturation": {Brightness: 1, Contrast: 1, Saturation: 1.1},
		"hue":        {Brightness: 1, Contrast: 1, Saturation: 1, Hue: 0.02},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				j.Apply(s.Image)
			}
		})
	}
}

func BenchmarkMasks(b *testing.B) {
	for _, n := range []int{10, 70} {
		s := scene(n)
		v := view{w: 960, h: 720, left: 100, top: 20, cols: 640, rows: 640}
		b.Run(map[int]string{10: "10targets", 70: "70targets"}[n], func(b *testing.B) {
			for b.Loop() {
				cropMasks(s.Masks, s.Instances, v, 640, 640)
			}
		})
	}
}
