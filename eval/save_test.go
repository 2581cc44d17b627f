package eval

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"eomt/eval/ap"
	"eomt/eval/cocofiles"
	"eomt/eval/postprocess"
	"eomt/eval/pq"
	"eomt/eval/predictions"
	"eomt/eval/scoring"
)

func TestSavedPredictionsScoreTheSame(t *testing.T) {
	ds, dir := generated(t, Panoptic)
	c := config(Panoptic)
	c.Save = t.TempDir()
	r := evaluate(t, ds, noisy{newOracle(t, ds)}, c)
	files, err := cocofiles.OpenPanoptic(filepath.Join(dir, "annotations/panoptic_val2017.json"), filepath.Join(dir, "annotations/panoptic_val2017"),
		filepath.Join(c.Save, predictions.PanopticJSON), filepath.Join(c.Save, predictions.PanopticDir))
	if err != nil {
		t.Fatal(err)
	}
	results, err := scoring.Panoptic(t.Context(), files, []pq.Rule{pq.Exact, pq.Upstream}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range results {
		if diff := cmp.Diff(want, *r.Outcomes[i].Panoptic); diff != "" {
			t.Error(diff)
		}
		if want.All.PQ == 0 || want.All.PQ > 0.99 {
			t.Errorf("PQ is %v: the comparison says nothing", want.All.PQ)
		}
	}
}

func TestSavedDetectionsScoreTheSame(t *testing.T) {
	ds, dir := generated(t, Instance)
	c := config(Instance)
	c.Save, c.Protocol = t.TempDir(), Exact
	r := evaluate(t, ds, noisy{newOracle(t, ds)}, c)
	files, err := cocofiles.OpenInstances(filepath.Join(dir, "annotations/instances_val2017.json"), filepath.Join(c.Save, predictions.InstanceJSON))
	if err != nil {
		t.Fatal(err)
	}
	results, err := scoring.Instances(t.Context(), files, []ap.Rule{ap.Exact}, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := results[0]
	if diff := cmp.Diff(want, *r.Outcomes[0].Instance); diff != "" {
		t.Error(diff)
	}
	if want.AP <= 0 || want.AP > 0.99 {
		t.Errorf("AP is %v: the comparison says nothing", want.AP)
	}
}

// noisy moves the oracle's masks two pixels to the right and doubts some classes.
type noisy struct{ *oracle }

func (n noisy) Predict(images []uint8, b int) (postprocess.Logits, error) {
	l, err := n.oracle.Predict(images, b)
	for i := range b {
		one := l.Image(i)
		copy(one.Masks[2*l.Queries:], slices.Clone(one.Masks))
		for q := 1; q < l.Queries; q += 4 {
			row := one.Class[q*(l.Classes+1):][:l.Classes+1]
			row[0], row[l.Classes-1] = row[l.Classes-1], row[0]
		}
	}
	return l, err
}
