package page

import (
	"fmt"
	"image"
	"image/color"
	"math"
	"math/rand/v2"
)

// size says how large a made-up report is.
type size struct{ runs, classes, steps, confused int }

// sample is a report of made-up runs, with what real ones have: noise, gaps of
// values that are not finite, classes without a figure.
func sample(s size) Content {
	r := Content{Title: "Three ways to train", Task: "panoptic", Data: "shapes val2017, exact protocol",
		Commands: []Command{{"Make this report", "go run ./cmd/report runs/a runs/b -out report"}},
		Published: []Published{
			{"EoMT-S, 640 px", "COCO panoptic", "PQ", "44.7", "EoMT, CVPR 2025, arXiv 2503.19108, table 2"},
			{"EoMT-L, 640 px", "COCO panoptic", "PQ", "56.0", "EoMT, CVPR 2025, arXiv 2503.19108, table 1"},
		}}
	for i := range s.runs {
		r.Runs = append(r.Runs, sampleRun(s, uint64(i)))
	}
	for i := 1; i < s.runs; i++ {
		n := func(name string, v float64, f Form) Number {
			return Number{Key("compare", r.Runs[i].Name, r.Runs[0].Name, "PQ", name), v, f}
		}
		r.Compared = append(r.Compared, Difference{"PQ", r.Runs[i].Name, r.Runs[0].Name, n("difference", 0.031*float64(2*i-3), Points),
			n("low", 0.031*float64(2*i-3)-0.02, Points), n("high", 0.031*float64(2*i-3)+0.025, Points), n("images", 5000, Count)})
	}
	if s.runs > 1 {
		r.Seeds = []Spread{{"PQ", []string{r.Runs[0].Name, r.Runs[1].Name}, Number{"seeds/PQ/mean", 0.4471, Percent}, Number{"seeds/PQ/deviation", 0.0042, Percent}}}
	}
	return r
}

// newSource gives the same draws each time.
func newSource() *rand.Rand { return rand.New(rand.NewPCG(1, 7)) }

func sampleRun(s size, seed uint64) Run {
	rng := rand.New(rand.NewPCG(seed, 7))
	r := Run{Name: []string{"quickstart", "no-annealing, with a long name", "seed <3>/b"}[seed%3], Note: fmt.Sprintf("weights of step %d", s.steps)}
	number := func(v float64, f Form, parts ...string) Number {
		return Number{Key(append([]string{r.Name}, parts...)...), v, f}
	}
	for i, name := range []string{"PQ", "SQ", "RQ", "PQ things", "PQ stuff", "SQ things", "SQ stuff", "RQ things", "RQ stuff"} {
		v := 0.4 + 0.05*float64(i) + 0.1*rng.Float64()
		r.Headline = append(r.Headline, Figure{name, number(v, Percent, name), number(v-0.03, Percent, name, "low"),
			number(v+0.04, Percent, name, "high"), number(100, Count, name, "images")})
	}
	r.Steps = sampleSteps(s.steps, rng)
	r.Classes.Columns = []string{"PQ", "SQ", "RQ", "TP", "FP", "FN"}
	var names []string
	for i := range s.classes {
		name := fmt.Sprintf("class %d", i+1)
		if i%7 == 3 {
			name = fmt.Sprintf("platform-other-merged & \"things\" %d", i+1)
		}
		names = append(names, name)
		row := ClassRow{ID: 2*i + 1, Name: name, Kind: []string{"thing", "stuff"}[i%2]}
		for _, column := range r.Classes.Columns {
			v, form := rng.Float64(), Percent
			if column == "TP" || column == "FP" || column == "FN" {
				v, form = math.Floor(v*v*40000), Count
			} else if i%11 == 10 {
				v = math.NaN()
			}
			row.Values = append(row.Values, number(v, form, column, name))
		}
		r.Classes.Rows = append(r.Classes.Rows, row)
	}
	r.Confusion = sampleConfusion(Key(r.Name, "confusion"), names[:min(s.confused, len(names))], rng)
	r.Calibration = &Calibration{Unit: "segments", Error: number(0.083, Decimal, "calibration", "error")}
	for i := range 10 {
		low := float64(i) / 10
		bin := func(name string, v float64, f Form) Number { return number(v, f, "calibration", name, fmt.Sprint(i)) }
		r.Calibration.Bins = append(r.Calibration.Bins, Bin{low, low + 0.1, bin("count", math.Floor(20000*low*low), Count),
			bin("score", low+0.05, Decimal), bin("iou", 0.1+0.75*low+0.05*rng.Float64(), Decimal)})
	}
	r.ErrorLegend = []Swatch{{"right", errorRight}, {"wrong class", errorWrong}}
	for i, kind := range []string{"best", "median", "worst"} {
		r.Examples = append(r.Examples, sampleExample(kind, []image.Point{{640, 427}, {64, 64}, {427, 640}}[i],
			number(0.9-0.4*float64(i), Percent, "image", kind), rng))
	}
	for i := range 5 {
		pq := 0.1*float64(i) + 0.03*rng.Float64()
		r.Validations = append(r.Validations, Validation{max(1, s.steps*(i+1)/5), []Metric{{"PQ", pq}, {"PQ things", pq / 2}, {"PQ stuff", pq * 1.3}}})
	}
	r.Costs = []Field{{"training time", "3 h 12 min"}, {"images per second", "31.2"}, {"peak memory", "1.1 GiB"}, {"devices", "8 × NVIDIA H100 80GB HBM3"}}
	r.Provenance = []Field{{"commit", "605ee84c0ffee605ee84c0ffee605ee84c0ffee6 (with changes)"}, {"started", "2026-11-24 10:11:12 UTC"},
		{"backend", "xla:cpu"}, {"devices", "1 x TFRT_CPU_0"}, {"seed", "0"}, {"images", "2000 train, 100 val"}, {"parameters", "1 284 113"},
		{"modules", "github.com/gomlx/gomlx v0.28.8, github.com/gomlx/compute v0.1.6, github.com/gomlx/go-xla v0.4.5"}}
	r.Commands = []Command{{"Train", "go run ./cmd/train -config configs/quickstart.yaml -out runs/" + r.Name + " -set train.total_steps=60 -set data.root=a/very/long/path/to/a/data/set/folder"},
		{"Evaluate", "go run ./cmd/eval -config runs/quickstart/config.yaml -weights runs/quickstart"}}
	return r
}

func sampleSteps(steps int, rng *rand.Rand) []Step {
	logged := make([]Step, steps)
	for i := range logged {
		done := float64(i+1) / float64(steps)
		loss := func(start float64) []float64 {
			var all []float64
			for k := range 4 {
				all = append(all, start*(0.3+0.7*math.Exp(-4*done))*(1.15-0.05*float64(k))*(1+0.1*rng.NormFloat64()))
			}
			return all
		}
		probs := make([]float64, 3)
		for k := range probs {
			probs[k] = math.Pow(max(0, min(1, 1-(done-0.2*float64(k))/0.4)), 0.9)
		}
		e := Step{Step: i + 1, LossMask: loss(0.6), LossDice: loss(0.8), LossClass: loss(2.1), MaskProbs: probs,
			RateHead: 1e-4 * math.Pow(1-done, 0.9), RateBackbone: 8e-5 * math.Pow(1-done, 0.9) * min(1, 10*done),
			GradientNorm: 40 * math.Exp(-5*done+rng.NormFloat64()), ImagesPerSec: 31 + rng.NormFloat64(), DataWait: 0.02 * rng.Float64()}
		for k := range e.LossMask {
			e.Loss += 5*e.LossMask[k] + 5*e.LossDice[k] + 2*e.LossClass[k]
		}
		if at := i * 100 / steps; at == 60 || at == 61 {
			e.Loss, e.GradientNorm, e.LossMask[3] = math.NaN(), math.Inf(1), math.NaN()
		}
		logged[i] = e
	}
	return logged
}

func sampleConfusion(key string, names []string, rng *rand.Rand) *Confusion {
	c := &Confusion{Key: key, Unit: "pixels", Truth: names, Predicted: append(append([]string{}, names...), "no segment")}
	for t := range c.Truth {
		row := make([]float64, len(c.Predicted))
		for p := range row {
			row[p] = math.Floor(1000 * math.Pow(rng.Float64(), 12) * float64(min(t, p, 3)))
		}
		if t%13 != 12 { // some classes do not occur
			row[t] += 2500
		} else {
			clear(row)
		}
		c.Counts = append(c.Counts, row)
	}
	return c
}

var errorRight, errorWrong = color.RGBA{0xe8, 0xe8, 0xe8, 0xff}, color.RGBA{0xd5, 0x5e, 0x00, 0xff}

func sampleExample(kind string, at image.Point, score Number, rng *rand.Rand) Example {
	rect := image.Rect(0, 0, at.X, at.Y)
	photo, prediction, truth, errors := image.NewRGBA(rect), image.NewRGBA(rect), image.NewRGBA(rect), image.NewRGBA(rect)
	colors := []color.RGBA{{0x45, 0x75, 0xb4, 0xff}, {0xe6, 0x9f, 0x00, 0xff}, {0x56, 0xb4, 0xe9, 0xff}}
	radius := float64(min(at.X, at.Y)) / 3
	for y := range at.Y {
		for x := range at.X {
			distance := math.Hypot(float64(x-at.X/2), float64(y-at.Y/2))
			noise := uint8(rng.IntN(24))
			photo.SetRGBA(x, y, color.RGBA{uint8(255*x/at.X)/2 + noise, uint8(255*y/at.Y)/2 + noise, 90 + noise, 0xff})
			in, said := 0, 0
			if distance < radius {
				in = 1
				photo.SetRGBA(x, y, color.RGBA{200 + noise, 170 + noise, 60 + noise, 0xff})
			}
			if distance < radius*0.8 || x < at.X/9 {
				said = 1 + x*3/at.X/2
			}
			truth.SetRGBA(x, y, colors[in])
			prediction.SetRGBA(x, y, colors[said%3])
			errors.SetRGBA(x, y, errorRight)
			if in != said%3 {
				errors.SetRGBA(x, y, errorWrong)
			}
		}
	}
	return Example{Kind: kind, Image: fmt.Sprintf("000000%06d.jpg", rng.IntN(1000000)), Metric: "PQ", Score: score,
		Photo: photo, Prediction: prediction, Truth: truth, Errors: errors,
		Legend: []Swatch{{"sky", colors[0]}, {"triangle", colors[1]}, {"square", colors[2]}}}
}
