package report

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"eomt/data"
	"eomt/eval"
	"eomt/eval/ap"
)

// BenchmarkResampleInstances is one resample of a run as large as COCO's val2017:
// 5,000 images, 80 classes, 100 detections and 7 objects an image.
func BenchmarkResampleInstances(b *testing.B) {
	const images, classes, detections = 5000, 80, 100
	r := Run{Info: Info{Name: "a", Task: eval.Instance, Protocol: eval.Exact}}
	for c := range classes {
		r.Classes = append(r.Classes, data.Class{ID: c + 1, Name: fmt.Sprint(c)})
	}
	rng := rand.New(rand.NewPCG(1, 1))
	for i := range images {
		s := &ap.ImageStat{Image: int64(i)}
		for k := range 10 { // classes an image
			c := ap.ClassStat{Category: 1 + (i+k*7)%classes, Positives: [4]int{k % 2, 0, k % 2, 0}}
			for d := range detections / 10 {
				stat := ap.DetectionStat{Score: rng.Float64() - float64(d), Ignored: [4]ap.Thresholds{1: 1<<10 - 1, 3: 1<<10 - 1}}
				if d == 0 {
					stat.Matched = [4]ap.Thresholds{127, 0, 127, 0}
				}
				c.Detections = append(c.Detections, stat)
			}
			s.Classes = append(s.Classes, c)
		}
		r.Images = append(r.Images, Image{ImageID: int64(i), Stat: eval.Stat{Instance: s}})
	}
	s, err := newScorer(&r)
	if err != nil {
		b.Fatal(err)
	}
	weights := DefaultBootstrap.weights(0, images)
	for b.Loop() {
		s.figures(weights)
	}
}
