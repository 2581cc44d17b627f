package page

import (
	"math"
	"slices"
	"testing"
)

func tradeoffRun(name string, pq float64, rates ...float64) Run {
	r := Run{Name: name, Headline: []Figure{{Name: "PQ", Value: Number{Key(name, "PQ"), pq, Percent}}},
		Costs: []Field{{"machine", "a processor"}}}
	for _, rate := range rates {
		r.Steps = append(r.Steps, Step{ImagesPerSec: rate})
	}
	return r
}

func TestTradeoff(t *testing.T) {
	r := Content{
		Runs:  []Run{tradeoffRun("eomt-seed1", 0.6, 1, 40, 50, 42), tradeoffRun("eomt-seed2", 0.62, 1, 41), tradeoffRun("adapter", 0.64, 4)},
		Seeds: []Spread{{Metric: "PQ", Runs: []string{"eomt-seed1", "eomt-seed2"}}},
	}
	charts := tradeoffCharts(r)
	if len(charts) != 1 || len(charts[0].series) != 2 {
		t.Fatalf("%+v", charts)
	}
	eomt, adapter := charts[0].series[0], charts[0].series[1]
	if eomt.name != "eomt" || adapter.name != "adapter" || charts[0].title != "PQ" {
		t.Errorf("names %q, %q, title %q", eomt.name, adapter.name, charts[0].title)
	}
	if p := eomt.points; len(p) != 2 || p[0].x != 42 || p[0].y != 60 || p[1].x != 41 || adapter.points[0].x != 4 {
		t.Errorf("points %+v, %+v", eomt.points, adapter.points)
	}
	if c := charts[0]; c.x.at(4) < 0 || c.x.at(42) > 1 || c.y.at(64) > 1 {
		t.Errorf("axes %+v, %+v", c.x, c.y)
	}
	if _, err := paperFigures(r); err != nil {
		t.Error(err)
	}
}

func TestNoTradeoff(t *testing.T) {
	elsewhere := tradeoffRun("b", 0.5, 1, 2)
	elsewhere.Costs = []Field{{"machine", "another processor"}}
	for name, runs := range map[string][]Run{
		"one run":      {tradeoffRun("a", 0.5, 1, 2)},
		"no speed":     {tradeoffRun("a", 0.5, 1, 2), tradeoffRun("b", 0.5)},
		"no metric":    {tradeoffRun("a", 0.5, 1, 2), tradeoffRun("b", math.NaN(), 1, 2)},
		"two machines": {tradeoffRun("a", 0.5, 1, 2), elsewhere},
	} {
		if charts := tradeoffCharts(Content{Runs: runs}); charts != nil {
			t.Errorf("%s: %+v", name, charts)
		}
	}
}

func TestCommonName(t *testing.T) {
	for want, names := range map[string][]string{
		"eomt": {"eomt-seed1", "eomt-seed2"}, "a": {"a_1", "a_2", "a_3"}, "1": {"1", "2"}, "seed1": {"seed1"},
	} {
		if got := commonName(slices.Clone(names)); got != want {
			t.Errorf("%v have %q in common, want %q", names, got, want)
		}
	}
}
