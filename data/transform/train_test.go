package transform

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"eomt/data"
)

// square is a gray image with one target, a box.
func square(w, h, x0, y0, x1, y1 int) *data.Sample {
	s := &data.Sample{Name: "square.jpg", Image: data.NewRGB(w, h), Masks: data.NewPlanes(w, h, 1), Instances: []data.Instance{{Class: 3}}}
	for i := range s.Image.Pix {
		s.Image.Pix[i] = 100
	}
	for y := y0; y < y1; y++ {
		for x := x0; x < x1; x++ {
			s.Masks.Set(x, y, 0)
		}
	}
	return s
}

func TestApplyIsRepeatable(t *testing.T) {
	tr := Train{H: 40, W: 40, ScaleMin: 0.1, ScaleMax: 2, ColorJitter: true}
	s := sampleOf(data.NewRGB(50, 30), []goldenTarget{{X1: 50, Y1: 30}, {X0: 10, X1: 20, Y1: 30, Crowd: true}, {X0: 5, Y0: 5, X1: 40, Y1: 20}})
	rng := rand.New(rand.NewPCG(1, 1))
	for i := range s.Image.Pix {
		s.Image.Pix[i] = uint8(rng.IntN(256))
	}
	before := sha(s.Image.Pix)
	for seed := range uint64(20) {
		a, err := tr.Apply(rand.New(rand.NewPCG(seed, 0)), s)
		if err != nil {
			t.Fatal(err)
		}
		b, err := tr.Apply(rand.New(rand.NewPCG(seed, 0)), s)
		if err != nil {
			t.Fatal(err)
		}
		if sha(a.Image.Pix) != sha(b.Image.Pix) || len(a.Instances) != len(b.Instances) {
			t.Fatalf("seed %d gave two results", seed)
		}
		if a.ImageID != s.ImageID || a.Name != s.Name || a.Image.W != 40 || a.Masks.H != 40 {
			t.Errorf("sample %+v", a)
		}
		for _, target := range a.Instances {
			if target.Crowd {
				t.Error("a crowd target is left")
			}
		}
	}
	if sha(s.Image.Pix) != before {
		t.Error("Apply modified its sample")
	}
}

func TestApplyWithoutTargets(t *testing.T) {
	tr := Train{H: 32, W: 32, ScaleMin: 0.1, ScaleMax: 2}
	crowd := square(50, 30, 0, 0, 50, 30)
	crowd.Instances[0].Crowd = true
	none := square(50, 30, 0, 0, 0, 0)
	none.Instances = nil
	empty := square(50, 30, 0, 0, 0, 0)
	for name, s := range map[string]*data.Sample{"crowd": crowd, "none": none, "empty": empty} {
		_, err := tr.Apply(rand.New(rand.NewPCG(1, 1)), s)
		if !errors.Is(err, ErrNoTarget) || !strings.Contains(err.Error(), "square.jpg: no target is left") {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// With KeepEmpty, an image without a target is a sample without targets: after one
// draw where it has none but crowds, after the last where every crop misses it.
func TestKeepEmpty(t *testing.T) {
	tr := Train{H: 32, W: 32, ScaleMin: 0.1, ScaleMax: 2, KeepEmpty: true}
	crowd := square(50, 30, 0, 0, 50, 30)
	crowd.Instances[0].Crowd = true
	none := square(50, 30, 0, 0, 0, 0)
	none.Instances = nil
	hidden := square(50, 30, 0, 0, 0, 0) // its target has no pixel
	for name, test := range map[string]struct {
		sample *data.Sample
		draws  int
	}{"crowd": {crowd, 1}, "none": {none, 1}, "hidden": {hidden, maxDraws}} {
		got, draws, err := tr.ApplyCounted(rand.New(rand.NewPCG(1, 1)), test.sample)
		if err != nil || draws != test.draws {
			t.Errorf("%s: %d draws, %v, want %d", name, draws, err, test.draws)
			continue
		}
		if len(got.Instances) != 0 || got.Image.W != 32 || got.Masks.W != 32 || len(got.Masks.Bits) != 32*32 {
			t.Errorf("%s: %d targets, image %d wide, masks %d wide with %d words", name, len(got.Instances), got.Image.W, got.Masks.W, len(got.Masks.Bits))
		}
		if !slices.Contains(got.Image.Pix, 100) {
			t.Errorf("%s: the image is black", name)
		}
	}
	// A target that most crops miss is still looked for.
	tr = Train{H: 64, W: 64, ScaleMin: 2, ScaleMax: 2, KeepEmpty: true}
	for seed := range uint64(50) {
		got, err := tr.Apply(rand.New(rand.NewPCG(seed, 0)), square(64, 64, 0, 0, 20, 20))
		if err != nil || len(got.Instances) != 1 {
			t.Fatalf("seed %d: %d targets, %v", seed, len(got.Instances), err)
		}
	}
}

// A target in the corner is lost by most crops of a quarter of the image.
func TestApplyDrawsAgain(t *testing.T) {
	tr := Train{H: 64, W: 64, ScaleMin: 2, ScaleMax: 2}
	s := square(64, 64, 0, 0, 20, 20)
	lost := 0
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 0))
		if _, err := tr.ApplyDraws(s, tr.Draw(rng, 64, 64)); errors.Is(err, ErrNoTarget) {
			lost++
		}
		got, err := tr.Apply(rand.New(rand.NewPCG(seed, 0)), s)
		if err != nil {
			t.Fatal(err)
		}
		if got.Masks.Areas(1)[0] == 0 {
			t.Fatal("the target has no pixel")
		}
	}
	if lost < 50 {
		t.Errorf("only %d of 200 first crops lost the target: the test tests nothing", lost)
	}
}

func TestApplyRefuses(t *testing.T) {
	good := Train{H: 8, W: 8, ScaleMin: 1, ScaleMax: 1}
	for _, c := range []struct {
		want string
		tr   Train
		edit func(s *data.Sample)
	}{
		{"size 0 x 8 and scale range", Train{H: 8, ScaleMin: 1, ScaleMax: 1}, nil},
		{"scale range [2, 1] must be positive and in order", Train{H: 8, W: 8, ScaleMin: 2, ScaleMax: 1}, nil},
		{"scale range [NaN, 1]", Train{H: 8, W: 8, ScaleMin: math.NaN(), ScaleMax: 1}, nil},
		{"scale range [1, +Inf]", Train{H: 8, W: 8, ScaleMin: 1, ScaleMax: math.Inf(1)}, nil},
		{"square.jpg: the image is empty", good, func(s *data.Sample) { s.Image = data.RGB{} }},
		{"masks of 9 x 8 pixels for an image of 8 x 8", good, func(s *data.Sample) { s.Masks = data.NewPlanes(9, 8, 1) }},
		{"40 targets for 32 masks", good, func(s *data.Sample) { s.Instances = make([]data.Instance, 40) }},
	} {
		s := square(8, 8, 0, 0, 8, 8)
		if c.edit != nil {
			c.edit(s)
		}
		_, err := c.tr.Apply(rand.New(rand.NewPCG(1, 1)), s)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want %q", err, c.want)
		}
	}
	_, err := good.ApplyDraws(square(8, 8, 0, 0, 8, 8), Draws{Jitter: noJitter, Scale: 2, Top: 9})
	if err == nil || err.Error() != "transform: crop square.jpg: corner (0, 9) leaves the image of 16 x 16 pixels" {
		t.Error(err)
	}
	_, err = good.ApplyDraws(square(8, 8, 0, 0, 8, 8), Draws{Jitter: noJitter, Scale: float32(math.NaN())})
	if err == nil || !strings.Contains(err.Error(), "scale NaN") {
		t.Error(err)
	}
}

// Extreme shapes must neither vanish nor crash.
func TestApplyAnyShape(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, h := rapid.IntRange(1, 60).Draw(t, "w"), rapid.IntRange(1, 60).Draw(t, "h")
		tr := Train{H: rapid.IntRange(1, 40).Draw(t, "H"), W: rapid.IntRange(1, 40).Draw(t, "W"), ScaleMin: 0.1, ScaleMax: 2, ColorJitter: true}
		s := square(w, h, 0, 0, w, h)
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		got, err := tr.Apply(rng, s)
		if err != nil {
			t.Fatal(err)
		}
		rw, rh := 0, 0
		for x := range tr.W {
			if got.Masks.At(x, 0, 0) {
				rw++
			}
		}
		for y := range tr.H {
			if got.Masks.At(0, y, 0) {
				rh++
			}
		}
		// The mask covers the image, which is padded with black.
		for y := range tr.H {
			for x := range tr.W {
				inside := x < rw && y < rh
				if black := got.Image.Pix[3*(y*tr.W+x)] == 0; inside == black || got.Masks.At(x, y, 0) != inside {
					t.Fatalf("pixel (%d, %d) of an image that fills %d x %d: black %v", x, y, rw, rh, black)
				}
			}
		}
	})
}

// Resizing a crop equals cropping what was resized, flipped or not.
func TestResampleComputesTheCropOnly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		src := data.NewRGB(rapid.IntRange(1, 40).Draw(t, "w"), rapid.IntRange(1, 40).Draw(t, "h"))
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		for i := range src.Pix {
			src.Pix[i] = uint8(rng.IntN(256))
		}
		v := view{w: rapid.IntRange(1, 80).Draw(t, "to w"), h: rapid.IntRange(1, 80).Draw(t, "to h"), flip: rapid.Bool().Draw(t, "flip")}
		v.left, v.top = rapid.IntRange(0, v.w-1).Draw(t, "left"), rapid.IntRange(0, v.h-1).Draw(t, "top")
		v.cols, v.rows = rapid.IntRange(1, v.w-v.left).Draw(t, "columns"), rapid.IntRange(1, v.h-v.top).Draw(t, "rows")
		for _, arithmetic := range []Arithmetic{Pillow, Torch} {
			got := data.NewRGB(v.cols, v.rows)
			resample(got, src, v, arithmetic)
			from := src
			if v.flip {
				from = mirrored(src)
			}
			whole := Resize(from, v.w, v.h, arithmetic)
			for y := range v.rows {
				for x := range 3 * v.cols {
					if want := whole.Pix[3*((v.top+y)*v.w+v.left)+x]; got.Pix[3*y*v.cols+x] != want {
						t.Fatalf("row %d byte %d: %d, want %d", y, x, got.Pix[3*y*v.cols+x], want)
					}
				}
			}
		}
	})
}

func mirrored(img data.RGB) data.RGB {
	out := data.NewRGB(img.W, img.H)
	for y := range img.H {
		for x := range img.W {
			copy(out.Pix[3*(y*img.W+x):][:3], img.Pix[3*(y*img.W+img.W-1-x):][:3])
		}
	}
	return out
}

func TestDrawsHaveTheReferencesDistribution(t *testing.T) {
	tr := Train{H: 640, W: 640, ScaleMin: 0.5, ScaleMax: 2, ColorJitter: true}
	rng := rand.New(rand.NewPCG(3, 3))
	const n = 20000
	var flips, brightness, contrast, saturation, hue, last int
	var scale float64
	for range n {
		d := tr.Draw(rng, 640, 480)
		count := func(to *int, yes bool) {
			if yes {
				*to++
			}
		}
		count(&flips, d.Flip)
		count(&brightness, d.Jitter.Brightness != 1)
		count(&contrast, d.Jitter.Contrast != 1)
		count(&saturation, d.Jitter.Saturation != 1)
		count(&hue, d.Jitter.Hue != 0)
		count(&last, d.Jitter.ContrastLast)
		scale += float64(d.Scale) / n
		within := func(v, centre, delta float32) bool { return v >= centre-delta && v <= centre+delta }
		if !within(d.Jitter.Brightness, 1, 32./255) || !within(d.Jitter.Contrast, 1, .5) || !within(d.Jitter.Saturation, 1, .5) || !within(d.Jitter.Hue, 0, .05) || !within(d.Scale, 1.25, .75) {
			t.Fatalf("out of range: %+v", d)
		}
		if w, h := tr.resized(640, 480, d.Scale); d.Left > max(0, w-640) || d.Top > max(0, h-640) {
			t.Fatalf("crop leaves the image: %+v", d)
		}
	}
	// Five standard deviations of a fair coin over n tosses.
	for name, heads := range map[string]int{"flip": flips, "brightness": brightness, "contrast": contrast, "saturation": saturation, "hue": hue, "contrast last": last} {
		if math.Abs(float64(heads)-n/2) > 5*math.Sqrt(n)/2 {
			t.Errorf("%s: %d of %d", name, heads, n)
		}
	}
	if math.Abs(scale-1.25) > 5*1.5/math.Sqrt(12*n) {
		t.Errorf("mean scale %v, want 1.25", scale)
	}
}

func TestGeometryPanics(t *testing.T) {
	for want, call := range map[string]func(){
		"fit an image of 3 x 3 pixels into 0 x 5":        func() { Fit(data.NewRGB(3, 3), 5, 0) },
		"windows of -1 pixels in an image of 3 x 3":      func() { Windows(data.NewRGB(3, 3), -1) },
		"resize: width and height must be positive":      func() { Resize(data.NewRGB(3, 3), 0, 1, Pillow) },
		"windows of 8 pixels in an image of 0 x 0: size": func() { Windows(data.RGB{}, 8) },
	} {
		func() {
			defer func() {
				if text, _ := recover().(string); !strings.Contains(text, want) {
					t.Errorf("panic %q, want %q", text, want)
				}
			}()
			call()
		}()
	}
}
