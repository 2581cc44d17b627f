package ap

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// TestWeightsAreCopies holds weights against a data set in which each image is
// there as often, its copies next to each other. Scores within an image differ:
// else its copies would alternate where weights keep each detection's together.
func TestWeightsAreCopies(t *testing.T) {
	for _, rule := range []Rule{Exact, Upstream} {
		e := newEvaluator(t, rule)
		rapid.Check(t, func(t *rapid.T) {
			var images, copies []ImageStat
			var weights []int
			for _, img := range drawImages(t) {
				for d := range img.Detections {
					img.Detections[d].Score += float64(d) / 100
				}
				stat, err := e.Image(img)
				if err != nil {
					t.Fatal(err)
				}
				weight := rapid.IntRange(0, 3).Draw(t, "weight")
				images, weights = append(images, stat), append(weights, weight)
				for range weight {
					copies = append(copies, stat)
				}
			}
			got, want := e.Collect(images).Result(weights), e.Collect(copies).Result(nil)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatal(diff)
			}
		})
	}
}

// TestCurveOfPlainSteps computes precisions after every detection, as
// pycocotools does, without skipping those that leave recall as it is.
func TestCurveOfPlainSteps(t *testing.T) {
	e := newEvaluator(t, Exact)
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 12).Draw(t, "detections")
		positives := rapid.IntRange(1, 8).Draw(t, "positives")
		var detections []weighted
		var recall, precision []float64
		tp, fp := 0., 0.
		for range n {
			d := weighted{&DetectionStat{}, 1}
			if tp < float64(positives) && rapid.Bool().Draw(t, "matched") {
				d.Matched[0].set(3)
				tp++
			} else {
				fp++
			}
			detections = append(detections, d)
			recall, precision = append(recall, tp/float64(positives)), append(precision, tp/(fp+tp+0x1p-52))
		}
		var got [101]float64
		interpolate(curve(nil, detections, 0, 3), float64(positives), &e.recalls, &got)
		for i, threshold := range e.recalls {
			want := 0.
			for d := range recall {
				if recall[d] >= threshold {
					want = math.Max(want, precision[d])
				}
			}
			if got[i] != want {
				t.Fatalf("precision %v at recall %v, want %v", got[i], threshold, want)
			}
		}
	})
}
