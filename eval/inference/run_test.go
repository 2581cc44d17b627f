package inference

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"eomt/data"
	"eomt/eval/postprocess"
)

const side = 16

// images is a source of n gray images, whose sizes and shades tell them apart.
type images struct {
	broken map[int]error
	loaded atomic.Int32
}

func (s *images) Load(i int) (*data.Sample, error) {
	s.loaded.Add(1)
	if err := s.broken[i]; err != nil {
		if err.Error() == "panic" {
			panic("decoder fault")
		}
		return nil, err
	}
	img := data.NewRGB(side+i, side)
	for k := range img.Pix {
		img.Pix[k] = uint8(i)
	}
	return &data.Sample{Name: fmt.Sprintf("image %d", i), Image: img}, nil
}

// all are the indices of n images.
func all(n int) []int {
	indices := make([]int, n)
	for i := range indices {
		indices[i] = i
	}
	return indices
}

var classes = []data.Class{{ID: 7, Name: "thing", Thing: true}, {ID: 901, Name: "stuff"}}

func config(task postprocess.Task) Config {
	return Config{Task: task, Classes: classes, ImageH: side, ImageW: side, Batch: 3, Score: 0.5, Overlap: 0.5, TopK: 2}
}

// plain predicts one query of class 1 that covers everything.
func plain(pixels []uint8, b int) (postprocess.Logits, error) {
	const grid = 4
	l := postprocess.Logits{B: b, MaskH: grid, MaskW: grid, Queries: 1, Classes: len(classes),
		Masks: make([]float32, b*grid*grid), Class: make([]float32, b*(len(classes)+1))}
	for i := range l.Masks {
		l.Masks[i] = 9
	}
	for i := range b {
		l.Class[i*(len(classes)+1)+1] = 9
	}
	return l, nil
}

func TestEachImageIsSegmentedOnce(t *testing.T) {
	for _, task := range []postprocess.Task{postprocess.TaskPanoptic, postprocess.TaskInstance, postprocess.TaskSemantic} {
		src := &images{}
		var mu sync.Mutex
		seen := map[int]int{}
		err := Run(t.Context(), src, []int{8, 0, 1, 3, 9, 2, 4}, PredictFunc(plain), config(task), func(r Result) error {
			mu.Lock()
			defer mu.Unlock()
			seen[r.Index]++
			if r.Task != task || r.Sample.Image.W != side+r.Index {
				t.Errorf("%s: %d is %s of %d pixels", task, r.Index, r.Task, r.Sample.Image.W)
			}
			switch {
			case r.Panoptic != nil && len(r.Panoptic.Segments) == 1 && r.Panoptic.Segments[0].Class == 1:
			case r.Semantic != nil && r.Semantic.Pix[0] == 1 && r.Semantic.W == side+r.Index:
			case len(r.Instances) == 2 && r.Instances[0].Class == 1:
			default:
				t.Errorf("%s: image %d: %+v", task, r.Index, r.Segmentation)
			}
			return nil
		})
		if err != nil || len(seen) != 7 || seen[8] != 1 || seen[4] != 1 || seen[7] != 0 {
			t.Errorf("%s: %v, %v", task, seen, err)
		}
	}
}

// A failed load ends the run, or is skipped where the caller says so; a decoder
// that panics counts as one.
func TestFailedLoads(t *testing.T) {
	broken := map[int]error{2: errors.New("truncated"), 4: errors.New("panic")}
	err := Run(t.Context(), &images{broken: broken}, all(7), PredictFunc(plain), config(postprocess.TaskPanoptic), func(Result) error { return nil })
	if err == nil || !strings.Contains(err.Error(), "truncated") && !strings.Contains(err.Error(), "decoder fault") {
		t.Errorf("without LoadFailed: %v", err)
	}
	var mu sync.Mutex
	failed, done := map[int]string{}, 0
	c := config(postprocess.TaskSemantic)
	c.LoadFailed = func(i int, err error) error {
		mu.Lock()
		defer mu.Unlock()
		failed[i] = err.Error()
		return nil
	}
	err = Run(t.Context(), &images{broken: broken}, all(7), PredictFunc(plain), c, func(Result) error {
		mu.Lock()
		defer mu.Unlock()
		done++
		return nil
	})
	if err != nil || done != 5 || len(failed) != 2 || failed[2] != "truncated" || !strings.Contains(failed[4], "decoder fault") {
		t.Errorf("%d done, failed %v: %v", done, failed, err)
	}
	c.LoadFailed = func(int, error) error { return errors.New("enough") }
	if err := Run(t.Context(), &images{broken: broken}, all(7), PredictFunc(plain), c, func(Result) error { return nil }); err == nil || err.Error() != "enough" {
		t.Errorf("refused: %v", err)
	}
}

func TestFailures(t *testing.T) {
	wide := func(pixels []uint8, b int) (postprocess.Logits, error) {
		l, err := plain(pixels, b)
		l.Classes++
		return l, err
	}
	short := func(pixels []uint8, b int) (postprocess.Logits, error) {
		l, err := plain(pixels, b)
		l.Masks = l.Masks[1:]
		return l, err
	}
	oblong, none, unknown := config(postprocess.TaskSemantic), config(postprocess.TaskPanoptic), config("depth")
	oblong.ImageH, none.Classes = 8, nil
	for _, test := range []struct {
		name    string
		c       Config
		predict PredictFunc
		each    func(Result) error
		want    string
	}{
		{"one class more", config(postprocess.TaskPanoptic), wide, nil, "predicts 3 classes, its class table has 2"},
		{"short logits", config(postprocess.TaskInstance), short, nil, "47 mask and 9 class logits"},
		{"panic in the model", config(postprocess.TaskInstance), func([]uint8, int) (postprocess.Logits, error) { panic("shapes differ") }, nil, "internal fault, please report it: shapes differ"},
		{"panic of the caller", config(postprocess.TaskInstance), plain, func(Result) error { panic("no such class") }, "internal fault, please report it: no such class"},
		{"error of the caller", config(postprocess.TaskInstance), plain, func(Result) error { return errors.New("disk full") }, "disk full"},
		{"oblong", oblong, plain, nil, "input of 16 x 8 pixels: semantic segmentation cuts square windows"},
		{"no classes", none, plain, nil, "predicts no classes"},
		{"task", unknown, plain, nil, `task "depth": want panoptic, instance or semantic`},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.each == nil {
				test.each = func(Result) error { return nil }
			}
			err := Run(t.Context(), &images{}, all(5), test.predict, test.c, test.each)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q in it", err, test.want)
			}
		})
	}
}

// While the model is slow, no more images are loaded than are needed soon.
func TestMemoryIsBounded(t *testing.T) {
	src := &images{}
	release, stopped := make(chan struct{}), errors.New("stopped by the test")
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() {
		for last := int32(-1); last != src.loaded.Load(); time.Sleep(50 * time.Millisecond) {
			last = src.loaded.Load()
		}
		if n, most := int(src.loaded.Load()), 3+2*runtime.GOMAXPROCS(0)+2; n > most {
			t.Errorf("%d images loaded ahead, want at most %d", n, most)
		}
		cancel(stopped)
		close(release)
	}()
	err := Run(ctx, src, all(1000), PredictFunc(func(pixels []uint8, b int) (postprocess.Logits, error) {
		<-release
		return plain(pixels, b)
	}), config(postprocess.TaskPanoptic), func(Result) error { return nil })
	if !errors.Is(err, stopped) {
		t.Errorf("interrupted: %v", err)
	}
}

// Several predictors share out the batches: they work at the same time, each on one
// batch, and every image gets the logits of its own inputs.
func TestSeveralPredictors(t *testing.T) {
	var both sync.WaitGroup
	both.Add(2)
	waiting := func() PredictFunc {
		arrived := sync.OnceFunc(both.Done)
		return func(pixels []uint8, b int) (postprocess.Logits, error) {
			arrived()
			both.Wait()
			return shade(pixels, b)
		}
	}
	got, want := shades(t, Several{waiting(), waiting()}), shades(t, PredictFunc(shade))
	if len(got) != 9 || !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// shade predicts class 1 where the image's first pixel is even, else class 0.
func shade(pixels []uint8, b int) (postprocess.Logits, error) {
	l, err := plain(pixels, b)
	for i := range b {
		if pixels[i*side*side*3]%2 == 1 {
			l.Class[i*3], l.Class[i*3+1] = 9, 0
		}
	}
	return l, err
}

// shades are the classes of nine images, of which most have two windows.
func shades(t *testing.T, p Predictor) map[int]uint16 {
	t.Helper()
	var mu sync.Mutex
	found := map[int]uint16{}
	err := Run(t.Context(), &images{}, all(9), p, config(postprocess.TaskSemantic), func(r Result) error {
		mu.Lock()
		defer mu.Unlock()
		found[r.Index] = r.Semantic.Pix[0]
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	return found
}
