package eval

import (
	"encoding/json"
	"errors"
	"hash/maphash"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"eomt/data"
	"eomt/data/coco"
	"eomt/data/shapes"
	"eomt/data/transform"
	"eomt/eval/inference"
	"eomt/eval/postprocess"
)

const size = 64 // of generated images and of the model's input

// generated opens 10 generated images of a task.
func generated(t *testing.T, task Task) (*coco.Dataset, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "shapes")
	if err := shapes.Generate(t.Context(), shapes.Config{Dir: dir, Val: 10, Size: size, Seed: 3}, nil); err != nil {
		t.Fatal(err)
	}
	open := coco.OpenPanoptic
	if task == Instance {
		open = coco.OpenInstance
	}
	ds, err := open(data.OpenOptions{Root: dir, Split: "val", KeepEmpty: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ds.Close() })
	return ds, dir
}

// oracle predicts the truth: it knows every input of a data set by its pixels.
// Its mask grid has the input's size, so that images which fit lose nothing.
type oracle struct {
	seed    maphash.Seed
	classes int
	queries int
	samples map[uint64]*data.Sample
	calls   atomic.Int32
	onCall  func(call int)
}

func newOracle(t *testing.T, ds data.Dataset) *oracle {
	t.Helper()
	o := &oracle{seed: maphash.MakeSeed(), classes: len(ds.Classes()), queries: 1, samples: map[uint64]*data.Sample{}}
	for i := range ds.Len() {
		s, err := ds.Load(i)
		if err != nil {
			t.Fatal(err)
		}
		input, _ := transform.Fit(s.Image, size, size)
		o.samples[maphash.Bytes(o.seed, input.Pix)] = s
		o.queries = max(o.queries, len(s.Instances))
	}
	return o
}

func (o *oracle) Predict(images []uint8, b int) (postprocess.Logits, error) {
	if call := int(o.calls.Add(1)); o.onCall != nil {
		o.onCall(call)
	}
	l := postprocess.Logits{B: b, MaskH: size, MaskW: size, Queries: o.queries, Classes: o.classes,
		Masks: make([]float32, b*size*size*o.queries), Class: make([]float32, b*o.queries*(o.classes+1))}
	for i := range b {
		one := l.Image(i)
		s := o.samples[maphash.Bytes(o.seed, images[i*size*size*3:(i+1)*size*size*3])]
		for q := range o.queries {
			class := o.classes
			if s != nil && q < len(s.Instances) && !s.Instances[q].Crowd {
				class = s.Instances[q].Class
			}
			one.Class[q*(o.classes+1)+class] = 12
			for y := range size {
				for x := range size {
					logit := float32(-12)
					if class < o.classes && y < s.Image.H && x < s.Image.W && s.Masks.At(x, y, q) {
						logit = 12
					}
					one.Masks[(y*size+x)*o.queries+q] = logit
				}
			}
		}
	}
	return l, nil
}

func config(task Task) Config {
	return Config{Task: task, Protocol: Both, ImageH: size, ImageW: size, Batch: 3, Score: 0.8, Overlap: 0.8, TopK: 100}
}

func evaluate(t *testing.T, ds data.Dataset, p inference.Predictor, c Config) *Result {
	t.Helper()
	r, err := Evaluate(t.Context(), ds, p, c, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestTheTruthScoresOne(t *testing.T) {
	for _, task := range []Task{Panoptic, Instance, Semantic} {
		t.Run(string(task), func(t *testing.T) {
			coco, _ := generated(t, task)
			var ds data.Dataset = coco
			if task == Semantic { // which cuts windows unless images are square, and knows no crowds
				ds = squared{coco}
			}
			r := evaluate(t, ds, newOracle(t, ds), config(task))
			if len(r.Records) != ds.Len() || len(r.Outcomes) != 2 {
				t.Fatalf("%d records, %d outcomes", len(r.Records), len(r.Outcomes))
			}
			for i, record := range r.Records {
				if info := ds.Info(i); record.Index != i || record.ImageID != info.ImageID || record.Name != info.Name || record.W == 0 {
					t.Errorf("record %d is %+v of %+v", i, record, info)
				}
			}
			// Upstream counts absent classes as 0; all classes are there.
			for _, o := range r.Outcomes {
				name, value := o.Headline()
				if math.Abs(value-1) > 1e-6 {
					t.Errorf("%s %s = %v", o.Protocol, name, value)
				}
			}
		})
	}
}

// squared pads images with void to squares, and counts crowds as segments.
type squared struct{ data.Dataset }

func (d squared) Load(i int) (*data.Sample, error) {
	s, err := d.Dataset.Load(i)
	if err != nil {
		return nil, err
	}
	img, masks := data.NewRGB(size, size), data.NewPlanes(size, size, len(s.Instances))
	for y := range s.Image.H {
		copy(img.Pix[3*y*size:], s.Image.Pix[3*y*s.Image.W:3*(y+1)*s.Image.W])
		words := masks.Words * s.Image.W
		copy(masks.Bits[y*size*masks.Words:], s.Masks.Bits[y*words:(y+1)*words])
	}
	s.Image, s.Masks = img, masks
	for k := range s.Instances {
		s.Instances[k].Crowd = false
	}
	return s, nil
}

// figures is everything that a report computes, without times.
func figures(t *testing.T, r *Result) string {
	t.Helper()
	text, err := json.Marshal(struct {
		Outcomes []Outcome
		Records  []Record
	}{r.Outcomes, r.Records})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestBatchSizeChangesNothing(t *testing.T) {
	ds, _ := generated(t, Panoptic)
	c := config(Panoptic)
	want := figures(t, evaluate(t, ds, newOracle(t, ds), c))
	for _, c.Batch = range []int{1, 7, 16} {
		if got := figures(t, evaluate(t, ds, newOracle(t, ds), c)); got != want {
			t.Errorf("batch %d: %s", c.Batch, cmp.Diff(want, got))
		}
	}
}

func TestResultsInJSON(t *testing.T) {
	ds, _ := generated(t, Panoptic)
	c := config(Panoptic)
	c.Limit = 4
	for _, c.Protocol = range []Protocol{Exact, Both} {
		r := evaluate(t, ds, newOracle(t, ds), c)
		r.Config, r.Weights = "c.yaml", "w"
		text, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		var got map[string]any
		if err := json.Unmarshal(text, &got); err != nil {
			t.Fatal(err)
		}
		if got["images"] != 4. || got["config"] != "c.yaml" || got["weights"] != "w" || got["seconds"].(float64) <= 0 {
			t.Errorf("%s", text)
		}
		of := got
		if c.Protocol == Both {
			of = got["exact"].(map[string]any)
			if got["upstream"].(map[string]any)["protocol"] != "upstream" {
				t.Errorf("%s", text)
			}
		}
		if of["protocol"] != "exact" || of["All"].(map[string]any)["pq"] == nil || of["per_class"] == nil {
			t.Errorf("%s", text)
		}
	}
}

// broken is a data set whose third image cannot be loaded.
type broken struct{ data.Dataset }

func (b broken) Load(i int) (*data.Sample, error) {
	if i == 2 {
		return nil, &data.FormatError{Path: "third.jpg", Reason: "truncated"}
	}
	return b.Dataset.Load(i)
}

func TestFailuresNameTheirCause(t *testing.T) {
	ds, _ := generated(t, Panoptic)
	good := newOracle(t, ds)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	nan := inference.PredictFunc(func(images []uint8, b int) (postprocess.Logits, error) {
		l, err := good.Predict(images, b)
		l.Class[3] = float32(math.NaN())
		return l, err
	})
	swapped := slices.Clone(ds.Classes())
	swapped[0], swapped[1] = swapped[1], swapped[0]
	wide := inference.PredictFunc(func(images []uint8, b int) (postprocess.Logits, error) {
		l, err := good.Predict(images, b)
		l.Classes++
		return l, err
	})
	fails := inference.PredictFunc(func([]uint8, int) (postprocess.Logits, error) {
		return postprocess.Logits{}, errors.New("out of memory")
	})
	for _, test := range []struct {
		name   string
		ds     data.Dataset
		p      inference.Predictor
		change func(*Config)
		want   string
	}{
		{"image", broken{ds}, good, nil, "inference: third.jpg: truncated"},
		{"model", ds, fails, nil, "inference: out of memory"},
		{"not a number", ds, nan, nil, "class logits are not numbers"},
		{"one class more", ds, wide, nil, "predicts 9 classes, its class table has 8"},
		{"swapped classes", ds, good, func(c *Config) { c.ModelClasses = swapped }, "eval: the weights were trained on other classes: data: the class tables"},
		{"fewer classes", ds, good, func(c *Config) { c.ModelClasses = swapped[:3] }, "eval: the weights were trained on other classes: data: the class tables"},
		{"task", ds, good, func(c *Config) { c.Task = "depth" }, `eval: task "depth": want panoptic, instance or semantic`},
		{"protocol", ds, good, func(c *Config) { c.Protocol = "" }, `eval: protocol "": want exact, upstream or both`},
		{"batch", ds, good, func(c *Config) { c.Batch = 0 }, "must be positive"},
		{"detections", ds, good, func(c *Config) { c.Task, c.TopK = Instance, 0 }, "0 detections per image"},
		{"limit", ds, good, func(c *Config) { c.Limit = -1 }, "limit of -1 images"},
		{"oblong semantic", ds, good, func(c *Config) { c.Task, c.ImageH = Semantic, 32 }, "the model's image must be square"},
		{"save folder", ds, good, func(c *Config) { c.Save = file }, "eval: predictions: make folder"},
		{"journal folder", ds, good, func(c *Config) { c.Journal = filepath.Join(file, "j") }, "eval: journal"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := config(Panoptic)
			if test.change != nil {
				test.change(&c)
			}
			_, err := Evaluate(t.Context(), test.ds, test.p, c, nil)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q in it", err, test.want)
			}
		})
	}
}
