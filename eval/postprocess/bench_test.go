package postprocess

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"

	"eomt/data/transform"
)

// scene makes logits as a trained model's: discs whose sides fall off steeply, of
// which the first sure ones are confident of their class.
func scene(grid, queries, classes, sure int) Logits {
	rng := rand.New(rand.NewPCG(1, 2))
	l := Logits{B: 1, MaskH: grid, MaskW: grid, Queries: queries, Classes: classes,
		Masks: make([]float32, grid*grid*queries), Class: make([]float32, queries*(classes+1))}
	for q := range queries {
		x, y, r := rng.Float64()*float64(grid), rng.Float64()*float64(grid), (0.03+0.2*rng.Float64())*float64(grid)
		for i := range grid * grid {
			d := r - math.Hypot(float64(i%grid)-x, float64(i/grid)-y)
			l.Masks[i*queries+q] = float32(max(-15, min(8, d))) + float32(rng.NormFloat64())*0.3
		}
		row := l.Class[q*(classes+1):][:classes+1]
		for c := range row {
			row[c] = float32(rng.NormFloat64())
		}
		if q < sure {
			row[rng.IntN(classes)] = 12
		} else {
			row[classes] = 12
		}
	}
	return l
}

var sizes = []transform.Size{{W: 640, H: 480}, {W: 4000, H: 3000}}

func BenchmarkPanoptic(b *testing.B) {
	l := scene(160, 200, 133, 15)
	for _, size := range sizes {
		b.Run(fmt.Sprintf("%dx%d", size.W, size.H), func(b *testing.B) {
			b.ReportAllocs()
			g := transform.FitSize(size, 640, 640)
			for b.Loop() {
				Panoptic(l, g, PanopticOptions{Score: 0.8, Overlap: 0.8, Stuff: make([]bool, 133)})
			}
		})
	}
}

func BenchmarkInstances(b *testing.B) {
	l := scene(160, 200, 80, 15)
	for _, size := range sizes {
		b.Run(fmt.Sprintf("%dx%d", size.W, size.H), func(b *testing.B) {
			b.ReportAllocs()
			g := transform.FitSize(size, 640, 640)
			for b.Loop() {
				Instances(l, g, 100)
			}
		})
	}
}

func BenchmarkSemantic(b *testing.B) {
	for _, c := range []struct {
		name                   string
		side, classes, queries int
		size                   transform.Size
	}{
		{"ade20k", 512, 150, 100, transform.Size{W: 683, H: 512}},
		{"cityscapes", 1024, 19, 100, transform.Size{W: 2048, H: 1024}},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			p := transform.PlanWindows(c.size, c.side)
			windows := make([]Logits, len(p.Starts))
			for i := range windows {
				windows[i] = scene(c.side/4, c.queries, c.classes, 15)
			}
			for b.Loop() {
				Semantic(windows, p)
			}
		})
	}
}

// TestMemoryStaysSmall allocates for an image of 4000 x 3000 pixels with 200
// queries less than the 2 GB that evaluating it may take in all; masks by
// original pixels alone would be 9.6 GB. Only 20 queries are sure and 20
// instances asked for, to save time: a further one costs a few rows of floats, or
// the box of its mask as bytes.
func TestMemoryStaysSmall(t *testing.T) {
	const limit = 200 << 20
	g := transform.FitSize(transform.Size{W: 4000, H: 3000}, 640, 640)
	l := scene(160, 200, 133, 20)
	plan := transform.PlanWindows(transform.Size{W: 4000, H: 3000}, 512)
	window := scene(128, 20, 20, 20) // likewise: classes by width, once a core
	for _, c := range []struct {
		name string
		run  func()
	}{
		{"panoptic", func() { Panoptic(l, g, PanopticOptions{Score: 0.8, Overlap: 0.8, Stuff: make([]bool, 133)}) }},
		{"instances", func() { Instances(l, g, 20) }},
		{"semantic", func() { Semantic([]Logits{window, window}, plan) }},
	} {
		if allocated := allocates(c.run); allocated > limit {
			t.Errorf("%s allocates %d MB, want at most %d", c.name, allocated>>20, limit>>20)
		} else {
			t.Logf("%s allocates %d MB", c.name, allocated>>20)
		}
	}
}

func allocates(run func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	run()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}
