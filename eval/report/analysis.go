package report

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"eomt/eval"
)

// Analysis holds all numbers that a report prints about its runs.
type Analysis struct {
	Bootstrap Bootstrap
	Runs      []Run
	Pairs     []Pair   // each run against the first one over the same images by the same rules
	Seeds     []Spread // groups of two runs at least
	Numbers   []Number
	byKey     map[string]int
}

// Pair is run A compared with run B over the same images.
type Pair struct {
	A, B    string
	Metrics []string
}

// Name is the Run field of the pair's numbers.
func (p Pair) Name() string { return p.A + " minus " + p.B }

// Spread is a group of runs that differ by seed only.
type Spread struct {
	Runs    []string
	Metrics []string
}

// Name is the Run field of the spread's numbers.
func (s Spread) Name() string { return "mean of " + strings.Join(s.Runs, ", ") }

// Deviation is the metric of the sample standard deviation over seeds.
func Deviation(metric string) string { return metric + ":deviation" }

// Analyse computes every number of runs of one task, whose names must be unique.
// progress, which may be nil, is called after each resample, from several goroutines.
// Runs with different images are not compared.
func Analyse(ctx context.Context, runs []Run, c Bootstrap, progress func(done, total int)) (*Analysis, error) {
	if err := checkRuns(runs); err != nil {
		return nil, err
	}
	a := &Analysis{Bootstrap: c, Runs: runs, byKey: map[string]int{}}
	resampled := make([]resampled, len(runs))
	tick := ticker(progress, len(runs)*c.Resamples)
	for i := range runs {
		var err error
		if resampled[i], err = a.score(ctx, &runs[i], tick); err != nil {
			return nil, fmt.Errorf("report: run %s: %w", runs[i].Name, err)
		}
	}
	for i := range runs {
		first := slices.IndexFunc(runs, func(r Run) bool { return sameImages(&r, &runs[i]) })
		if first < i {
			a.compare(resampled[i], resampled[first])
		}
	}
	a.spread(resampled)
	return a, nil
}

func checkRuns(runs []Run) error {
	if len(runs) == 0 {
		return fmt.Errorf("report: no runs")
	}
	for i, r := range runs {
		if r.Task != runs[0].Task {
			return fmt.Errorf("report: runs of different tasks, which have no figures in common: %s is %s, %s is %s",
				runs[0].Name, runs[0].Task, r.Name, r.Task)
		}
		if slices.ContainsFunc(runs[:i], func(o Run) bool { return o.Name == r.Name }) {
			return fmt.Errorf("report: two runs are called %s", r.Name)
		}
	}
	return nil
}

// sameImages reports whether two runs were evaluated on the same images and classes
// by the same rules.
func sameImages(a, b *Run) bool {
	return a.Protocol == b.Protocol && slices.Equal(a.labels(), b.labels()) &&
		slices.EqualFunc(a.Images, b.Images, func(x, y Image) bool { return x.key(a.Task) == y.key(b.Task) })
}

// Lookup finds a number, or the end of one's interval, by its key.
func (a *Analysis) Lookup(key string) (value float64, kind Kind, found bool) {
	if i, ok := a.byKey[key]; ok {
		return a.Numbers[i].Value, a.Numbers[i].Kind, true
	}
	for _, end := range []string{lowEnd, highEnd} {
		before, after, ok := strings.Cut(key, end)
		if !ok {
			continue
		}
		if i, ok := a.byKey[before+after]; ok {
			n := a.Numbers[i]
			if end == lowEnd {
				return n.Low, n.Kind, true
			}
			return n.High, n.Kind, true
		}
	}
	return 0, 0, false
}

// Number finds a number by its parts; a missing one is not defined.
func (a *Analysis) Number(parts ...string) Number {
	if i, ok := a.byKey[Key(parts...)]; ok {
		return a.Numbers[i]
	}
	return Number{Value: math.NaN(), Low: math.NaN(), High: math.NaN()}
}

func (a *Analysis) add(n Number) {
	a.byKey[n.Key()] = len(a.Numbers)
	a.Numbers = append(a.Numbers, n)
}

// resampled is a run with its figures in every resample.
type resampled struct {
	run     *Run
	figures []figure
	values  [][]float64 // [resamples][figures]
}

// column is figure i in every resample.
func (r resampled) column(i int) []float64 {
	values := make([]float64, len(r.values))
	for b := range values {
		values[b] = r.values[b][i]
	}
	return values
}

// score adds the numbers of one run.
func (a *Analysis) score(ctx context.Context, r *Run, tick func()) (resampled, error) {
	s, err := newScorer(r)
	if err != nil {
		return resampled{}, err
	}
	of := resampled{run: r, figures: s.figures(nil)}
	if of.values, err = a.Bootstrap.resample(ctx, s, len(r.Images), tick); err != nil {
		return of, err
	}
	a.add(r.number("images", "", Count, float64(len(r.Images))))
	for i, f := range of.figures {
		n := r.number(f.metric, f.class, f.kind, f.value)
		if f.kind == Fraction && !math.IsNaN(f.value) {
			n.Low, n.High = interval(of.column(i))
		}
		a.add(n)
	}
	for _, n := range r.calibration() {
		a.add(n)
	}
	for _, n := range r.confusion() {
		a.add(n)
	}
	for _, e := range r.Examples() {
		a.add(r.number(ImageMetric, e.Image.Name, Fraction, e.Image.Headline))
	}
	return of, nil
}

// number is one of the run, without an interval.
func (r *Run) number(metric, class string, k Kind, value float64) Number {
	return Number{Run: r.Name, Step: r.Step, Protocol: r.Protocol, Metric: metric, Class: class, Kind: k,
		Value: value, Low: math.NaN(), High: math.NaN()}
}

// compare adds the differences of two runs' overall figures; resamples are paired.
func (a *Analysis) compare(x, y resampled) {
	p := Pair{A: x.run.Name, B: y.run.Name}
	n := Number{Run: p.Name(), Protocol: x.run.Protocol, Metric: "images", Kind: Count,
		Value: float64(len(x.run.Images)), Low: math.NaN(), High: math.NaN()}
	a.add(n)
	n.Kind = Difference
	for i, f := range x.figures {
		if f.class != "" {
			continue
		}
		values := x.column(i)
		for b := range values {
			values[b] -= y.values[b][i]
		}
		n.Metric, n.Value = f.metric, f.value-y.figures[i].value
		n.Low, n.High = interval(values)
		a.add(n)
		p.Metrics = append(p.Metrics, f.metric)
	}
	a.Pairs = append(a.Pairs, p)
}

// spread adds mean and sample standard deviation over the runs of each group.
func (a *Analysis) spread(all []resampled) {
	done := map[string]bool{"": true}
	for _, first := range all {
		name := first.run.Group + " " + string(first.run.Protocol)
		if first.run.Group == "" || done[name] {
			continue
		}
		done[name] = true
		var group []resampled
		s := Spread{}
		for _, r := range all {
			if r.run.Group == first.run.Group && sameImages(r.run, first.run) {
				group, s.Runs = append(group, r), append(s.Runs, r.run.Name)
			}
		}
		if len(group) < 2 {
			continue
		}
		for i, f := range first.figures {
			if f.class == "" {
				s.Metrics = append(s.Metrics, f.metric)
				a.addSpread(s.Name(), group, i)
			}
		}
		a.Seeds = append(a.Seeds, s)
	}
}

func (a *Analysis) addSpread(name string, group []resampled, i int) {
	n := Number{Run: name, Protocol: group[0].run.Protocol, Metric: group[0].figures[i].metric,
		Low: math.Inf(1), High: math.Inf(-1)}
	for _, r := range group {
		v := r.figures[i].value
		n.Value += v
		n.Low, n.High = math.Min(n.Low, v), math.Max(n.High, v)
	}
	n.Value /= float64(len(group))
	squares := 0.
	for _, r := range group {
		d := r.figures[i].value - n.Value
		squares += float64(d * d)
	}
	a.add(n)
	n.Metric, n.Value = Deviation(n.Metric), math.Sqrt(squares/float64(len(group)-1))
	n.Low, n.High = math.NaN(), math.NaN()
	a.add(n)
}

// Headline is the primary metric of a task.
func Headline(t eval.Task) string {
	return map[eval.Task]string{eval.Panoptic: "PQ", eval.Instance: "AP", eval.Semantic: "mIoU"}[t]
}
