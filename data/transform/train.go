package transform

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"eomt/data"
)

// Train is the chain of random transforms of a training sample:
// crowd targets dropped, colour jitter, horizontal flip, scale jitter with
// antialiasing, zero padding right and bottom, random crop. (paper section 4;
// datasets/transforms.py at 7bd19dd)
type Train struct {
	H, W               int     // size of the result in pixels
	ScaleMin, ScaleMax float64 // range of the factor over the size that fits
	ColorJitter        bool
	// KeepEmpty makes an image without a target to train on a sample without
	// targets, from which only the class loss learns. Otherwise it is ErrNoTarget.
	KeepEmpty bool
}

// maxDraws bounds the search for a crop that holds a target.
const maxDraws = 50

// ErrNoTarget reports a sample with nothing to train on: all its targets are crowds,
// or no crop drawn contains one. The reference draws forever.
var ErrNoTarget = errors.New("no target is left in the image")

// Apply transforms s by random draws. It draws up to 50 times, until a crop contains
// a target; an image that has only crowds is drawn once. If no target is left, the
// result is the last crop with KeepEmpty, and [ErrNoTarget] without. Targets without a
// pixel are dropped, the others keep their order. Apply does not modify s.
func (t Train) Apply(rng *rand.Rand, s *data.Sample) (*data.Sample, error) {
	out, _, err := t.ApplyCounted(rng, s)
	return out, err
}

// ApplyCounted is [Train.Apply] that also returns the number of draws.
func (t Train) ApplyCounted(rng *rand.Rand, s *data.Sample) (out *data.Sample, draws int, err error) {
	if err := t.check(s); err != nil {
		return nil, 0, err
	}
	limit := maxDraws
	if allCrowd(s) {
		limit = 1
	}
	for draws = 1; ; draws++ {
		d := t.Draw(rng, s.Image.W, s.Image.H)
		out, err = t.applyDraws(s, d, t.KeepEmpty && draws == limit)
		if draws == limit || !errors.Is(err, ErrNoTarget) {
			return out, draws, err
		}
	}
}

// ApplyDraws transforms s by given draws. If no target is left, the result is
// [ErrNoTarget] unless KeepEmpty is set. It does not modify s.
func (t Train) ApplyDraws(s *data.Sample, d Draws) (*data.Sample, error) {
	return t.applyDraws(s, d, t.KeepEmpty)
}

func (t Train) applyDraws(s *data.Sample, d Draws, keepEmpty bool) (*data.Sample, error) {
	if err := t.check(s); err != nil {
		return nil, err
	}
	if !(0 < d.Scale && d.Scale <= math.MaxInt16) {
		return nil, fmt.Errorf("transform: resize %s: scale %v must be positive and finite", s.Name, d.Scale)
	}
	w, h := t.resized(s.Image.W, s.Image.H, d.Scale)
	v := view{
		w: w, h: h,
		left: d.Left, top: d.Top, cols: min(w, t.W), rows: min(h, t.H),
		flip: d.Flip,
	}
	if d.Left < 0 || d.Left+v.cols > w || d.Top < 0 || d.Top+v.rows > h {
		return nil, fmt.Errorf("transform: crop %s: corner (%d, %d) leaves the image of %d x %d pixels", s.Name, d.Left, d.Top, w, h)
	}
	// Masks first: if no target is left, the image is not needed.
	masks, instances := cropMasks(s.Masks, s.Instances, v, t.W, t.H)
	if len(instances) == 0 && !keepEmpty {
		return nil, noTarget(s)
	}
	out := &data.Sample{ImageID: s.ImageID, Name: s.Name, Orientation: s.Orientation, Instances: instances, Masks: masks, Image: data.NewRGB(t.W, t.H)}
	resample(out.Image, d.Jitter.Apply(s.Image), v, Torch)
	return out, nil
}

func (t Train) check(s *data.Sample) error {
	if t.H <= 0 || t.W <= 0 || !(0 < t.ScaleMin && t.ScaleMin <= t.ScaleMax && t.ScaleMax <= math.MaxInt16) {
		return fmt.Errorf("transform: settings: size %d x %d and scale range [%g, %g] must be positive and in order", t.W, t.H, t.ScaleMin, t.ScaleMax)
	}
	if s.Image.W <= 0 || s.Image.H <= 0 {
		return fmt.Errorf("transform: %s: the image is empty", s.Name)
	}
	if s.Masks.W != s.Image.W || s.Masks.H != s.Image.H {
		return fmt.Errorf("transform: %s: masks of %d x %d pixels for an image of %d x %d", s.Name, s.Masks.W, s.Masks.H, s.Image.W, s.Image.H)
	}
	if len(s.Instances) > 32*s.Masks.Words {
		return fmt.Errorf("transform: %s: %d targets for %d masks", s.Name, len(s.Instances), 32*s.Masks.Words)
	}
	return nil
}

func allCrowd(s *data.Sample) bool {
	for _, target := range s.Instances {
		if !target.Crowd {
			return false
		}
	}
	return true
}

func noTarget(s *data.Sample) error {
	return fmt.Errorf("transform: %s: %w", s.Name, ErrNoTarget)
}
