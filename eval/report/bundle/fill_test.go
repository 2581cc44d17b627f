package bundle

import (
	"testing"

	"eomt/data"
	"eomt/eval"
	"eomt/eval/pq"
	"eomt/eval/report"
)

// analysed is a run of one image without any prediction, or with one.
func analysed(t *testing.T, found []eval.Found) *report.Analysis {
	t.Helper()
	stored := &eval.Stored{Config: eval.Config{Task: eval.Panoptic, Protocol: eval.Exact}, Classes: []data.Class{{ID: 1, Name: "cat", Thing: true}},
		Records: []eval.Record{{ImageID: 1, Name: "a.jpg", Found: found,
			Exact: &eval.Stat{Panoptic: &pq.ImageStat{Image: 1, Classes: []pq.ClassStat{{Category: 1, FN: 1}}}}}}}
	runs, err := protocols(distinct([]Source{{Name: "run", Stored: stored}}))
	if err != nil {
		t.Fatal(err)
	}
	a, err := report.Analyse(t.Context(), runs, report.Bootstrap{Resamples: 2, Seed: 1}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// A run that predicted nothing has no calibration, which would be an empty chart.
func TestNoPredictionsNoCalibration(t *testing.T) {
	a := analysed(t, nil)
	if c := calibration(a, &a.Runs[0]); c != nil {
		t.Errorf("calibration of nothing: %v", c)
	}
	a = analysed(t, []eval.Found{{Score: 0.9, IoU: 0.5}})
	if c := calibration(a, &a.Runs[0]); c == nil || len(c.Bins) != 1 {
		t.Errorf("calibration of one prediction: %v", c)
	}
}

func TestSourcesOfOneName(t *testing.T) {
	s := Source{Name: "run", Stored: &eval.Stored{Records: []eval.Record{{Exact: &eval.Stat{}, Upstream: &eval.Stat{}}}}}
	all := distinct([]Source{s, s})
	if all[1].Name != "run (2)" || all[1].runs[eval.Upstream] != "run (2) (upstream protocol)" || all[0].runs[eval.Exact] != "run" {
		t.Errorf("%+v, %+v", all[0], all[1])
	}
}
