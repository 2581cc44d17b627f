package bundle

import (
	"image/color"
	"math/bits"

	"eomt/data"
	"eomt/eval"
	"eomt/eval/report/page"
)

// The colours of error maps; pixels that are right, or void, keep the image.
var (
	wrongClass    = color.RGBA{213, 43, 43, 255}
	wrongInstance = color.RGBA{240, 190, 20, 255}
	missed        = color.RGBA{40, 100, 220, 255}
	extra         = color.RGBA{235, 120, 30, 255}
	right         = color.RGBA{0, 0, 0, 255}
)

func errorLegend(t eval.Task) []page.Swatch {
	list := []page.Swatch{{Name: "wrong class", Color: wrongClass}}
	if t != eval.Semantic {
		list = append(list, page.Swatch{Name: "right class, other object", Color: wrongInstance}, page.Swatch{Name: "missed", Color: missed})
	}
	if t == eval.Instance {
		list = append(list, page.Swatch{Name: "nothing there", Color: extra})
	}
	return list
}

const nobody = -1

// errorMap is the image in grey with a colour where the prediction is wrong,
// pixel by pixel; where masks overlap the topmost counts. Pixels of crowds, and
// those without truth except in instance segmentation, cannot be wrong.
func errorMap(truth, predicted *data.Sample, s *eval.Stored) data.RGB {
	out := data.NewRGB(truth.Image.W, truth.Image.H)
	of, by := owners(truth), owners(predicted)
	partner := partners(of, by, truth, predicted)
	for i := range of {
		p := truth.Image.Pix[3*i : 3*i+3]
		grey := uint8((299*int(p[0]) + 587*int(p[1]) + 114*int(p[2])) / 1000)
		c := wrong(of[i], by[i], truth, predicted, s, partner)
		for channel, v := range [3]uint8{c.R, c.G, c.B} {
			if out.Pix[3*i+channel] = grey; c != right {
				out.Pix[3*i+channel] = uint8((2*int(v) + int(grey)) / 3)
			}
		}
	}
	return out
}

// wrong is the colour of what is wrong where truth has instance t and the
// prediction p.
func wrong(t, p int, truth, predicted *data.Sample, s *eval.Stored, partner map[int]int) color.RGBA {
	switch {
	case t == nobody:
		if p != nobody && s.Config.Task == eval.Instance {
			return extra
		}
		return right
	case truth.Instances[t].Crowd:
		return right
	case p == nobody:
		return missed
	case truth.Instances[t].Class != predicted.Instances[p].Class:
		return wrongClass
	}
	class := s.Classes[truth.Instances[t].Class]
	if s.Config.Task == eval.Semantic || !class.Thing || partner[p] == t+1 {
		return right
	}
	return wrongInstance
}

// owners gives the topmost instance of each pixel.
func owners(s *data.Sample) []int {
	p := s.Masks
	of := make([]int, p.W*p.H)
	for i := range of {
		of[i] = nobody
		for word := p.Words - 1; word >= 0; word-- {
			if b := p.Bits[i*p.Words+word]; b != 0 {
				of[i] = 32*word + bits.Len32(b) - 1
				break
			}
		}
	}
	return of
}

// partners gives each predicted instance the true one of its class, counted from
// 1, with which it shares the most pixels.
func partners(of, by []int, truth, predicted *data.Sample) map[int]int {
	shared := map[[2]int]int{}
	for i, t := range of {
		if p := by[i]; t != nobody && p != nobody && truth.Instances[t].Class == predicted.Instances[p].Class {
			shared[[2]int{p, t}]++
		}
	}
	most, partner := map[int]int{}, map[int]int{}
	for p := range predicted.Instances {
		for t := range truth.Instances {
			if n := shared[[2]int{p, t}]; n > most[p] {
				most[p], partner[p] = n, t+1
			}
		}
	}
	return partner
}
