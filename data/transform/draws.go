package transform

import "math/rand/v2"

// Draws are the random choices of one application of [Train]. They are split
// from their execution so that another implementation's can be replayed.
type Draws struct {
	Jitter    Jitter
	Flip      bool
	Scale     float32 // factor over the size at which the image fits the crop
	Top, Left int     // the crop's corner in the resized and padded image
}

// Jitter holds the factors of the colour jitter; see [Jitter.Apply].
type Jitter struct {
	Brightness, Contrast, Saturation float32 // 1 leaves the image as it is
	Hue                              float32 // in turns; 0 leaves the image as it is
	ContrastLast                     bool    // after saturation and hue instead of before
}

// noJitter changes nothing.
var noJitter = Jitter{Brightness: 1, Contrast: 1, Saturation: 1}

// Draw draws for an image of w x h pixels. The order and the distributions are
// the reference's (datasets/transforms.py at 7bd19dd); the generator is not.
func (t Train) Draw(rng *rand.Rand, w, h int) Draws {
	d := Draws{Jitter: noJitter}
	if t.ColorJitter {
		d.Jitter = drawJitter(rng)
	}
	d.Flip = rng.Float32() < 0.5
	d.Scale = float32(t.ScaleMin) + float32(rng.Float32()*float32(t.ScaleMax-t.ScaleMin))
	rw, rh := t.resized(w, h, d.Scale)
	if rh > t.H {
		d.Top = rng.IntN(rh - t.H + 1)
	}
	if rw > t.W {
		d.Left = rng.IntN(rw - t.W + 1)
	}
	return d
}

func drawJitter(rng *rand.Rand) Jitter {
	chance := func() bool { return rng.Float32() < 0.5 }
	around := func(centre, delta float32) float32 { return centre + delta*(2*rng.Float32()-1) }
	j := noJitter
	contrast := func() {
		if chance() {
			j.Contrast = around(1, 0.5)
		}
	}
	if chance() {
		j.Brightness = around(1, 32./255)
	}
	j.ContrastLast = !chance()
	if !j.ContrastLast {
		contrast()
	}
	if chance() {
		j.Saturation = around(1, 0.5)
	}
	if chance() {
		j.Hue = around(0, 18./360)
	}
	if j.ContrastLast {
		contrast()
	}
	return j
}

// resized is the size to which an image of w x h pixels is scaled: truncated and
// in single precision, as in torchvision's ScaleJitter.
//
// Differs: torchvision divides the crop's width by the image's height and the
// other way round, which only shows where the crop is not square; and a side
// that would vanish keeps one pixel.
func (t Train) resized(w, h int, scale float32) (rw, rh int) {
	r := float32(min(float64(t.H)/float64(h), float64(t.W)/float64(w))) * scale
	return max(1, int(float32(w)*r)), max(1, int(float32(h)*r))
}
