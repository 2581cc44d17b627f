package report

import (
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"eomt/data"
	"eomt/eval"
	"eomt/eval/ap"
	"eomt/eval/iou"
	"eomt/eval/pq"
)

var tasks = []eval.Task{eval.Panoptic, eval.Instance, eval.Semantic}

// The last class is in no image; ids are not in the order of the table.
var classes = []data.Class{{ID: 7, Name: "cat", Thing: true}, {ID: 2, Name: "a_b/c & d"}, {ID: 5, Name: "grass"}, {ID: 9, Name: "never", Thing: true}}

// stored makes up the records of n images.
func stored(task eval.Task, n int, seed uint64) *eval.Stored {
	rng := rand.New(rand.NewPCG(seed, 0))
	s := &eval.Stored{Config: eval.Config{Task: task, Protocol: eval.Exact}, Classes: classes}
	for i := range n {
		r := eval.Record{Index: i, ImageID: int64(1000 - 7*i), Name: fmt.Sprintf("dir/%03d.jpg", (i*37)%101), W: 20, H: 10}
		stat := &eval.Stat{}
		switch task {
		case eval.Panoptic:
			stat.Panoptic = panopticStat(rng, r.ImageID)
		case eval.Instance:
			stat.Instance = instanceStat(rng, r.ImageID)
		default:
			stat.Semantic = semanticStat(rng, r.Name)
		}
		if task != eval.Semantic {
			for range rng.IntN(5) {
				r.Found = append(r.Found, eval.Found{Class: rng.IntN(3), Score: rng.Float64(), IoU: rng.Float64()})
				r.Confused = append(r.Confused, eval.Confused{Truth: rng.IntN(4) - 1, Pred: rng.IntN(3), Count: 1 + rng.IntN(3)})
			}
		}
		r.Exact = stat
		s.Records = append(s.Records, r)
	}
	return s
}

func panopticStat(rng *rand.Rand, id int64) *pq.ImageStat {
	s := &pq.ImageStat{Image: id, Classes: []pq.ClassStat{}}
	for _, category := range []int{2, 5, 7} {
		c := pq.ClassStat{Category: category, TP: rng.IntN(3), FP: rng.IntN(2), FN: rng.IntN(2)}
		for range c.TP {
			c.IoU += .5 + rng.Float64()/2
		}
		if c.TP+c.FP+c.FN > 0 && rng.IntN(3) > 0 {
			s.Classes = append(s.Classes, c)
		}
	}
	return s
}

func instanceStat(rng *rand.Rand, id int64) *ap.ImageStat {
	s := &ap.ImageStat{Image: id}
	for _, category := range []int{2, 5, 7} {
		if rng.IntN(3) == 0 {
			continue
		}
		c := ap.ClassStat{Category: category, Detections: []ap.DetectionStat{}}
		for r := range c.Positives {
			c.Positives[r] = rng.IntN(3)
		}
		scores := make([]float64, rng.IntN(4))
		for i := range scores {
			scores[i] = rng.Float64()
		}
		slices.Sort(scores)
		slices.Reverse(scores)
		for _, score := range scores {
			d := ap.DetectionStat{Score: score}
			for r := range d.Matched {
				d.Matched[r], d.Ignored[r] = ap.Thresholds(rng.IntN(1<<10)), ap.Thresholds(rng.IntN(1<<10))
			}
			c.Detections = append(c.Detections, d)
		}
		s.Classes = append(s.Classes, c)
	}
	return s
}

func semanticStat(rng *rand.Rand, name string) *iou.ImageStat {
	s := &iou.ImageStat{Image: name}
	for truth := range 3 {
		for pred := range 3 {
			if n := rng.IntN(200) - 80; n > 0 {
				s.Cells = append(s.Cells, iou.Cell{Truth: truth, Pred: pred, Pixels: n})
			}
		}
	}
	return s
}

func newRun(t testing.TB, name string, task eval.Task, n int, seed uint64) Run {
	t.Helper()
	r, err := NewRun(Info{Name: name, Step: 30, Group: "g"}, eval.Exact, stored(task, n, seed))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func analyse(t testing.TB, c Bootstrap, runs ...Run) *Analysis {
	t.Helper()
	a, err := Analyse(t.Context(), runs, c, nil)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// TestValuesAreTheCores holds point values against each core's own result.
func TestValuesAreTheCores(t *testing.T) {
	quick := Bootstrap{Resamples: 3}
	p := newRun(t, "p", eval.Panoptic, 30, 1)
	pe, _ := pq.New(pq.Exact, classes)
	var ps pq.Stats
	i := newRun(t, "i", eval.Instance, 30, 2)
	ie, _ := ap.New(ap.Exact, classes)
	var is ap.Stats
	s := newRun(t, "s", eval.Semantic, 30, 3)
	se := iou.New(classes, nil, nil, iou.AbsentSkipped)
	var ss iou.Stats
	for k := range 30 {
		ps.Add(*p.Images[k].Stat.Panoptic)
		is.Add(*i.Images[k].Stat.Instance)
		ss.Add(*s.Images[k].Stat.Semantic)
	}
	pr, ir, sr := pe.Result(&ps), ie.Result(&is), se.Result(&ss)
	nan, confusion := math.NaN(), se.Confusion(&ss)[0]
	for _, test := range []struct {
		a    *Analysis
		want map[string]float64
	}{
		{analyse(t, quick, p), map[string]float64{"p/PQ": pr.All.PQ, "p/SQ_things": pr.Things.SQ, "p/RQ_stuff": pr.Stuff.RQ,
			"p/PQ/cat": pr.PerClass[0].PQ, "p/TP/grass": float64(pr.PerClass[2].TP), "p/PQ/a_b%2Fc%20&%20d": pr.PerClass[1].PQ,
			"p/PQ/never": nan, "p/FN/never": 0, "p/images": 30}},
		{analyse(t, quick, i), map[string]float64{"i/AP": ir.AP, "i/APs": ir.APs, "i/AR10": ir.AR10, "i/AP/grass": ir.PerClass[2].AP, "i/AP/never": nan}},
		{analyse(t, quick, s), map[string]float64{"s/mIoU": sr.MIoU, "s/pixel_accuracy": sr.PixelAccuracy, "s/IoU/cat": sr.PerClass[0].IoU,
			"s/accuracy/grass": sr.PerClass[2].Accuracy, "s/IoU/never": nan,
			"s/confusion/cat/grass": float64(confusion[2]) / float64(confusion[0]+confusion[1]+confusion[2])}},
	} {
		for key, want := range test.want {
			got, _, found := test.a.Lookup(key)
			if !found || got != want && !(math.IsNaN(got) && math.IsNaN(want)) {
				t.Errorf("%s = %v (found: %v), want %v", key, got, found, want)
			}
		}
	}
}

// TestIntervalsByBruteForce draws the images one by one, makes a data set of them
// under new ids, lets the core score it, and finds the percentiles by counting.
func TestIntervalsByBruteForce(t *testing.T) {
	c := Bootstrap{Resamples: 60, Seed: 5}
	const n = 12
	for _, task := range tasks {
		a, b := newRun(t, "a", task, n, 1), newRun(t, "b", task, n, 2)
		got := analyse(t, c, b, a)
		values := map[string][]float64{}
		for k := range c.Resamples {
			rng := rand.New(rand.NewPCG(c.Seed, uint64(k)))
			draws := make([]int, n)
			for d := range draws {
				draws[d] = rng.IntN(n)
			}
			slices.Sort(draws)
			va, vb := headline(t, &a, draws), headline(t, &b, draws)
			values["a"], values["b"], values["a minus b"] = append(values["a"], va), append(values["b"], vb), append(values["a minus b"], va-vb)
		}
		for name, list := range values {
			number := got.Number(name, Headline(task))
			low, high := countedPercentile(list, 0.025), countedPercentile(list, 0.975)
			// Sums of copies are rounded more often than products.
			if math.Abs(number.Low-low) > 1e-12 || math.Abs(number.High-high) > 1e-12 || !(low < high) {
				t.Errorf("%s %s: [%v, %v], want [%v, %v]", task, name, number.Low, number.High, low, high)
			}
		}
		if d := got.Number("a minus b", Headline(task)); d.Value != got.Number("a", Headline(task)).Value-got.Number("b", Headline(task)).Value {
			t.Errorf("%s: difference %v", task, d.Value)
		}
	}
}

// headline scores a data set of the drawn images.
func headline(t *testing.T, r *Run, draws []int) float64 {
	t.Helper()
	var ps pq.Stats
	var is ap.Stats
	var ss iou.Stats
	for id, i := range draws {
		var err error
		switch stat := r.Images[i].Stat; r.Task {
		case eval.Panoptic:
			s := *stat.Panoptic
			s.Image = int64(id)
			err = ps.Add(s)
		case eval.Instance:
			s := *stat.Instance
			s.Image = int64(id)
			err = is.Add(s)
		default:
			s := *stat.Semantic
			s.Image = fmt.Sprint(id)
			err = ss.Add(s)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	switch r.Task {
	case eval.Panoptic:
		e, _ := pq.New(pq.Exact, classes)
		return e.Result(&ps).All.PQ
	case eval.Instance:
		e, _ := ap.New(ap.Exact, classes)
		return e.Result(&is).AP
	}
	return iou.New(classes, nil, nil, iou.AbsentSkipped).Result(&ss).MIoU
}

// countedPercentile goes through the order statistics: the value of rank k (from
// 0) is the percentile k / (n-1), and between two ranks it is linear.
func countedPercentile(values []float64, p float64) float64 {
	rank := func(k int) float64 {
		for _, v := range values {
			below, equal := 0, 0
			for _, o := range values {
				if o < v {
					below++
				} else if o == v {
					equal++
				}
			}
			if below <= k && k < below+equal {
				return v
			}
		}
		panic("no such rank")
	}
	k := 0
	step := 1 / float64(len(values)-1)
	for float64(k+1)*step <= p {
		k++
	}
	part := (p - float64(k)*step) / step
	return (1-part)*rank(k) + part*rank(min(k+1, len(values)-1))
}

func TestParquetHoldsTheRuns(t *testing.T) {
	for _, task := range tasks {
		dir := t.TempDir()
		runs := []Run{newRun(t, "a", task, 25, 1), newRun(t, "b", task, 25, 2)}
		if err := WritePerImage(dir, runs, DefaultBootstrap); err != nil {
			t.Fatal(err)
		}
		got, c, err := ReadPerImage(dir)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(runs, got, cmpopts.EquateEmpty(), cmpopts.EquateNaNs()); diff != "" || c != DefaultBootstrap {
			t.Errorf("%s: %+v %s", task, c, diff)
		}
		if left, _ := filepath.Glob(filepath.Join(dir, "*.part")); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	}
}

func TestCalibrationAndConfusion(t *testing.T) {
	s := stored(eval.Panoptic, 2, 1)
	s.Records[0].Found = []eval.Found{{Class: 0, Score: 0.95, IoU: 0.9}, {Class: 1, Score: 1, IoU: 0.5}}
	s.Records[1].Found = []eval.Found{{Class: 0, Score: 0.31, IoU: 0.41}}
	s.Records[0].Confused = []eval.Confused{{Truth: 0, Pred: 0, Count: 2}, {Truth: eval.NoClass, Pred: 1, Count: 1}}
	s.Records[1].Confused = []eval.Confused{{Truth: 0, Pred: 0, Count: 3}, {Truth: 0, Pred: eval.NoClass, Count: 1}, {Truth: 2, Pred: eval.NoClass, Count: 1}}
	r, err := NewRun(Info{Name: "r"}, eval.Exact, s)
	if err != nil {
		t.Fatal(err)
	}
	a := analyse(t, Bootstrap{Resamples: 1}, r)
	for key, want := range map[string]float64{
		"r/calibration_count/0.9": 2, "r/calibration_score/0.9": 0.975, "r/calibration_iou/0.9": 0.7,
		"r/calibration_count/0.3": 1, "r/calibration_score/0.3": 0.31, "r/calibration_iou/0.3": 0.41,
		"r/calibration_count/0.0": 0, "r/calibration_score/0.0": math.NaN(), "r/calibration_error": (2*0.275 + 0.1) / 3,
		"r/confusion/cat/cat": 5. / 6, "r/confusion/cat/nothing": 1. / 6, "r/confusion/nothing/a_b%2Fc%20&%20d": 1, "r/confusion/grass/nothing": 1,
		"r/confusion/cat/grass": 0, "r/confusion/never/cat": math.NaN(),
	} {
		got, _, found := a.Lookup(key)
		if !found || !(math.Abs(got-want) < 1e-12 || math.IsNaN(got) && math.IsNaN(want)) {
			t.Errorf("%s = %v (found: %v), want %v", key, got, found, want)
		}
	}
}

func TestSpreadOverSeeds(t *testing.T) {
	runs := []Run{newRun(t, "a", eval.Panoptic, 10, 1), newRun(t, "b", eval.Panoptic, 10, 2), newRun(t, "c", eval.Panoptic, 10, 3)}
	other := newRun(t, "d", eval.Panoptic, 10, 4)
	other.Group = "another configuration"
	a := analyse(t, Bootstrap{Resamples: 2}, append(runs, other)...)
	var v [3]float64
	for i, r := range runs {
		v[i] = a.Number(r.Name, "PQ").Value
	}
	mean := (v[0] + v[1] + v[2]) / 3
	sd := math.Sqrt((math.Pow(v[0]-mean, 2) + math.Pow(v[1]-mean, 2) + math.Pow(v[2]-mean, 2)) / 2)
	n := a.Number("mean of a, b, c", "PQ")
	if math.Abs(n.Value-mean) > 1e-15 || n.Low != min(v[0], v[1], v[2]) || n.High != max(v[0], v[1], v[2]) {
		t.Errorf("%+v, want mean %v of %v", n, mean, v)
	}
	if d := a.Number("mean of a, b, c", Deviation("PQ")); math.Abs(d.Value-sd) > 1e-15 {
		t.Errorf("deviation %v, want %v", d.Value, sd)
	}
	if len(a.Seeds) != 1 || len(a.Pairs) != 3 {
		t.Errorf("%d groups, %d pairs", len(a.Seeds), len(a.Pairs))
	}
}

func TestExamples(t *testing.T) {
	r := newRun(t, "a", eval.Panoptic, 40, 1)
	for i := range r.Images {
		r.Images[i].Headline = float64((i * 7) % 40)
	}
	r.Images[3].Headline = math.NaN()
	kinds := map[string][]float64{}
	for _, e := range r.Examples() {
		kinds[e.Kind] = append(kinds[e.Kind], e.Image.Headline)
	}
	want := map[string][]float64{"best": {39, 38, 37, 36}, "median": {22, 20, 19, 18}, "worst": {0, 1, 2, 3}} // 21 is not scored
	if diff := cmp.Diff(want, kinds); diff != "" {
		t.Error(diff)
	}
	r.Images = r.Images[:2]
	if got := r.Examples(); len(got) != 2 {
		t.Errorf("%d examples of two images", len(got))
	}
}
