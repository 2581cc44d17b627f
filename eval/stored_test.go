package eval

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"eomt/data"
	"eomt/eval/inference"
	"eomt/eval/postprocess"
	"eomt/eval/predictions"
)

// TestStoredIsWhatWasEvaluated reads records and predictions back and holds them
// against those that the evaluation itself gave.
func TestStoredIsWhatWasEvaluated(t *testing.T) {
	for _, task := range []Task{Panoptic, Instance, Semantic} {
		t.Run(string(task), func(t *testing.T) {
			coco, _ := generated(t, task)
			var ds data.Dataset = coco
			if task == Semantic {
				ds = squared{coco}
			}
			c := config(task)
			c.Save, c.Identity = t.TempDir(), "weights 1"
			seen := segmented(t, ds, noisy{newOracle(t, ds)}, c)
			r := evaluate(t, ds, noisy{newOracle(t, ds)}, c)
			s, err := ReadStored(c.Save)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(r.Records, s.Records); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(ds.Classes(), s.Classes); diff != "" || s.Config.Identity != "weights 1" || s.Config.Task != task {
				t.Errorf("%+v %s", s.Config, diff)
			}
			for _, record := range s.Records {
				got, err := s.Prediction(record)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(seen[record.Index], got); diff != "" {
					t.Fatalf("%s: %s", record.Name, diff)
				}
			}
			for range 2 { // the second time there is nothing left
				if err := DropPredictions(c.Save); err != nil {
					t.Fatal(err)
				}
			}
			left, err := os.ReadDir(c.Save)
			if err != nil || len(left) != 1 || left[0].Name() != journalName {
				t.Errorf("left of predictions: %v, %v", left, err)
			}
			s, err = ReadStored(c.Save)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(r.Records, s.Records); diff != "" {
				t.Error(diff)
			}
			if _, err := s.Prediction(s.Records[3]); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("a prediction that was dropped: %v", err)
			}
		})
	}
}

// segmented is what a model makes of each image.
func segmented(t *testing.T, ds data.Dataset, p inference.Predictor, c Config) map[int]postprocess.Segmentation {
	t.Helper()
	var mu sync.Mutex
	seen, all := map[int]postprocess.Segmentation{}, make([]int, ds.Len())
	for i := range all {
		all[i] = i
	}
	err := inference.Run(t.Context(), ds, all, p, c.inference(ds.Classes()), func(r inference.Result) error {
		mu.Lock()
		defer mu.Unlock()
		seen[r.Index] = r.Segmentation
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return seen
}

func TestNotStored(t *testing.T) {
	for name, test := range map[string]struct {
		text string
		is   error
		want string
	}{
		"nothing": {is: fs.ErrNotExist, want: "images.jsonl"},
		"older":   {text: `{"evaluation":{},"images":1}` + "\n", want: "older version of this program"},
		"other":   {text: "a,b,c\n", want: "not the records of an evaluation"},
		"cut":     {text: `{"images":3,"classes":[{"ID":1}]}` + "\n" + `{"index":0}` + "\n" + `{"ind`, is: ErrIncomplete, want: "1 of 3 images: interrupted"},
		"short":   {text: `{"images":3,"classes":[{"ID":1}]}` + "\n" + string(complete), is: ErrIncomplete, want: "0 of 3 images"},
	} {
		dir := t.TempDir()
		if test.text != "" {
			if err := os.WriteFile(filepath.Join(dir, journalName), []byte(test.text), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		_, err := ReadStored(dir)
		if err == nil || !strings.Contains(err.Error(), test.want) || test.is != nil && !errors.Is(err, test.is) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// An evaluation under way keeps its predictions.
func TestUnfinishedIsNotDropped(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, predictions.LabelDir), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := DropPredictions(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a journal: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, journalName), []byte("{}\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := DropPredictions(dir); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(dir, predictions.LabelDir)); err != nil {
		t.Error(err)
	}
}

// The oracle's predictions fit fully, whatever the task; crowds count nowhere.
func TestFoundOfTheTruth(t *testing.T) {
	for _, task := range []Task{Panoptic, Instance} {
		ds, _ := generated(t, task)
		r := evaluate(t, ds, newOracle(t, ds), config(task))
		for i, record := range r.Records {
			sample, err := ds.Load(i)
			if err != nil {
				t.Fatal(err)
			}
			want := len(slices.DeleteFunc(slices.Clone(sample.Instances), func(s data.Instance) bool { return s.Crowd }))
			fits, pairs := 0, 0
			for _, f := range record.Found {
				if f.IoU > 0.999 && f.Score > 0.99 {
					fits++
				}
			}
			for _, c := range record.Confused {
				if c.Truth != c.Pred {
					t.Errorf("%s %s: %+v", task, record.Name, c)
				}
				pairs += c.Count
			}
			if fits != want || pairs != want {
				text, _ := json.Marshal(record)
				t.Errorf("%s: %d fit, %d pairs, want %d: %s", task, fits, pairs, want, text)
			}
		}
	}
}
