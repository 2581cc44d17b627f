package loader_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"eomt/data"
	"eomt/data/loader"
	"eomt/data/transform"
	"eomt/internal/panics"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// fakeSet has n samples of 4 x 4 pixels; sample i is of colour i and has as many
// targets as targets says, one pixel each and all in pixel 0 too.
type fakeSet struct {
	n       int
	targets func(i int) int
	errs    map[int]error
	delay   time.Duration // of every third sample, to upset the order
}

func (f fakeSet) Len() int                  { return f.n }
func (f fakeSet) Classes() []data.Class     { return []data.Class{{ID: 1, Name: "one"}} }
func (f fakeSet) Info(i int) data.ImageInfo { return data.ImageInfo{Name: fmt.Sprint(i)} }

func (f fakeSet) Load(i int) (*data.Sample, error) {
	if i%3 == 0 {
		time.Sleep(f.delay)
	}
	if err := f.errs[i]; err != nil {
		return nil, err
	}
	s := &data.Sample{Name: fmt.Sprint(i), Image: data.NewRGB(4, 4)}
	for p := range s.Image.Pix {
		s.Image.Pix[p] = uint8(i)
	}
	n := 1
	if f.targets != nil {
		n = f.targets(i)
	}
	s.Masks = data.NewPlanes(4, 4, n)
	for m := range n {
		s.Instances = append(s.Instances, data.Instance{Class: m % 7})
		s.Masks.Set(0, 0, m)
		for extra := range 1 + m%15 { // areas differ, from 1 to 15
			s.Masks.Set((1+extra)%4, (1+extra)/4, m)
		}
	}
	return s, nil
}

// draw puts a random number into the image, so that tests see the generator.
type draw struct{ reject func(s *data.Sample) error }

func (d draw) ApplyCounted(rng *rand.Rand, s *data.Sample) (*data.Sample, int, error) {
	if d.reject != nil {
		if err := d.reject(s); err != nil {
			return nil, 5, err
		}
	}
	s.Image.Pix[0] = uint8(rng.Uint32())
	s.Image.Pix[1] = uint8(rng.Uint32())
	return s, 1, nil
}

// tester is the part of testing.T and rapid.T that these tests use.
type tester interface {
	rapid.TB
	Cleanup(func())
}

func start(t tester, set data.Dataset, c loader.Config) *loader.Loader {
	t.Helper()
	if c.Transform == nil {
		c.Transform = draw{}
	}
	l, err := loader.New(set, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

func take(t tester, l *loader.Loader, n int) []*data.Batch {
	t.Helper()
	batches := make([]*data.Batch, n)
	for i := range batches {
		b, err := l.Next(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		batches[i] = b
	}
	return batches
}

// Batches are the same for any number of workers and any prefetch, from the start
// or resumed at any step.
func TestBatchesDependOnSeedAndStepOnly(t *testing.T) {
	set := fakeSet{n: 23, targets: func(i int) int { return 1 + i%11 }, delay: time.Millisecond}
	rapid.Check(t, func(t *rapid.T) {
		c := loader.Config{Batch: rapid.IntRange(1, 6).Draw(t, "batch"), Seed: rapid.Uint64().Draw(t, "seed"), Workers: 1, Prefetch: 1}
		const steps = 12
		want := take(t, start(t, set, c), steps)

		c.Workers, c.Prefetch = rapid.IntRange(2, 8).Draw(t, "workers"), rapid.IntRange(1, 4).Draw(t, "prefetch")
		c.Start = rapid.IntRange(0, steps-1).Draw(t, "start")
		got := take(t, start(t, set, c), steps-c.Start)
		if diff := cmp.Diff(want[c.Start:], got); diff != "" {
			t.Fatal(diff)
		}
	})
}

// An epoch has no duplicate sample and leaves out fewer than a batch; the next
// epoch has another order.
func TestEpochs(t *testing.T) {
	l := start(t, fakeSet{n: 23}, loader.Config{Batch: 4, Seed: 1})
	if l.StepsPerEpoch() != 5 {
		t.Fatalf("%d steps an epoch, want 5", l.StepsPerEpoch())
	}
	orders := make([][]string, 3)
	for i, b := range take(t, l, 15) {
		if b.Step != i || b.Epoch != i/5 || b.B != 4 || b.H != 4 || b.W != 4 {
			t.Fatalf("batch %d: step %d epoch %d, %d x %d x %d", i, b.Step, b.Epoch, b.B, b.H, b.W)
		}
		orders[b.Epoch] = append(orders[b.Epoch], b.Names...)
	}
	for _, names := range orders {
		distinct := slices.Compact(slices.Sorted(slices.Values(names)))
		if len(distinct) != 20 {
			t.Errorf("%d samples in an epoch of 20: %v", len(distinct), names)
		}
	}
	if slices.Equal(orders[0], orders[1]) || slices.Equal(orders[1], orders[2]) {
		t.Error("two epochs have the same order")
	}
}

// The shards together are the batch of one process.
func TestShardsMakeUpTheGlobalBatch(t *testing.T) {
	set := fakeSet{n: 50}
	want := take(t, start(t, set, loader.Config{Batch: 6, Seed: 4}), 10)
	var shards [3][]*data.Batch
	for i := range shards {
		shards[i] = take(t, start(t, set, loader.Config{Batch: 2, Seed: 4, ShardIndex: i, ShardCount: 3}), 10)
	}
	for step, b := range want {
		var names []string
		var images []uint8
		for i := range shards {
			names = append(names, shards[i][step].Names...)
			images = append(images, shards[i][step].Images...)
		}
		if !slices.Equal(names, b.Names) || !slices.Equal(images, b.Images) {
			t.Fatalf("step %d: shards give %v, want %v", step, names, b.Names)
		}
	}
}

// The batch's bucket is that of its largest sample; masks keep their meaning in it.
func TestPackedTargets(t *testing.T) {
	counts := []int{3, 40, 0, 9}
	set := fakeSet{n: 4, targets: func(i int) int { return counts[i] }}
	b := take(t, start(t, set, loader.Config{Batch: 4}), 1)[0]
	if b.M != 64 || len(b.Masks) != 4*16*2 {
		t.Fatalf("M = %d with %d words, want 64 and 128", b.M, len(b.Masks))
	}
	for i, name := range b.Names {
		var at int
		fmt.Sscan(name, &at)
		want, err := set.Load(at)
		if err != nil {
			t.Fatal(err)
		}
		planes := data.Planes{W: 4, H: 4, Words: 2, Bits: b.Masks[i*32 : (i+1)*32]}
		areas := planes.Areas(64)
		if diff := cmp.Diff(want.Masks.Areas(counts[at]), areas[:counts[at]]); diff != "" {
			t.Errorf("sample %d: %s", at, diff)
		}
		for m := range b.M {
			valid := m < counts[at]
			if b.Valid[i*b.M+m] != valid || !valid && (areas[m] != 0 || b.Classes[i*b.M+m] != 0) ||
				valid && b.Classes[i*b.M+m] != int32(m%7) {
				t.Fatalf("sample %d, target %d: valid %v class %d area %d", at, m, b.Valid[i*b.M+m], b.Classes[i*b.M+m], areas[m])
			}
		}
	}
}

func TestSmallestTargetsAreDropped(t *testing.T) {
	l := start(t, fakeSet{n: 1, targets: func(int) int { return 150 }}, loader.Config{Batch: 1})
	b := take(t, l, 1)[0]
	if b.M != 128 || slices.Contains(b.Valid, false) {
		t.Fatalf("M = %d, want 128 valid targets", b.M)
	}
	// Areas are 2 + m%15: of 150 targets, ten of each area. The 22 dropped are all
	// ten of area 2, all ten of area 3, and the last two of area 4.
	var want []int32
	for m := range 150 {
		if m%15 >= 3 || m%15 == 2 && m < 122 {
			want = append(want, int32(m%7))
		}
	}
	if diff := cmp.Diff(want, b.Classes); diff != "" {
		t.Error(diff)
	}
	if got := l.Stats().DroppedTargets; got < 22 {
		t.Errorf("%d targets counted as dropped, want 22 a batch", got)
	}
}

var errFormat = &data.FormatError{Path: "image 2", Reason: "cut off"}

func TestBadSamples(t *testing.T) {
	for _, test := range []struct {
		name    string
		err     error
		onBad   string
		wantErr string // "" where the sample is skipped
	}{
		{"fail", errFormat, loader.Fail, "image 2: cut off"},
		{"skip", fmt.Errorf("coco: %w", errFormat), loader.Skip, ""},
		{"skip missing", fmt.Errorf("no: %w", fs.ErrNotExist), loader.Skip, ""},
		{"failing disk", errors.New("input/output error"), loader.Skip, "input/output error"},
	} {
		t.Run(test.name, func(t *testing.T) {
			set := fakeSet{n: 4, errs: map[int]error{2: test.err}}
			l := start(t, set, loader.Config{Batch: 4, OnBadSample: test.onBad})
			b, err := l.Next(context.Background())
			if test.wantErr != "" {
				if err == nil || !strings.Contains(err.Error(), test.wantErr) {
					t.Fatalf("%v lacks %q", err, test.wantErr)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if names := slices.Sorted(slices.Values(b.Names)); !slices.Equal(names, []string{"0", "1", "3", "3"}) {
				t.Errorf("samples %v, want 3 in the place of 2", names)
			}
			if l.Stats().Skipped == 0 {
				t.Error("the skipped sample is not counted")
			}
		})
	}
}

func TestSamplesWithoutTargetAreReplaced(t *testing.T) {
	reject := func(names ...string) draw {
		return draw{func(s *data.Sample) error {
			if slices.Contains(names, s.Name) {
				return fmt.Errorf("transform: %s: %w", s.Name, transform.ErrNoTarget)
			}
			return nil
		}}
	}
	l := start(t, fakeSet{n: 4}, loader.Config{Batch: 4, Transform: reject("1", "2")})
	b := take(t, l, 1)[0]
	if names := slices.Sorted(slices.Values(b.Names)); !slices.Equal(names, []string{"0", "3", "3", "3"}) {
		t.Errorf("samples %v, want 3 in the place of 1 and 2", names)
	}
	if l.Stats().Replaced < 3 {
		t.Errorf("%d counted as replaced, want 3 a batch", l.Stats().Replaced)
	}
	if l.Stats().Redrawn != l.Stats().Replaced {
		t.Errorf("%d counted as redrawn, want as many as replaced", l.Stats().Redrawn)
	}
	l = start(t, fakeSet{n: 4}, loader.Config{Batch: 4, Transform: reject("0", "1", "2", "3")})
	if _, err := l.Next(context.Background()); err == nil || !strings.Contains(err.Error(), "no sample to train on among 4") {
		t.Errorf("nothing to train on: %v", err)
	}
}

// A panic in a worker is the error of its batch, not the end of the program.
func TestPanicIsAnError(t *testing.T) {
	l := start(t, fakeSet{n: 4}, loader.Config{Batch: 2, Transform: draw{reject: func(*data.Sample) error { panic("index out of range") }}})
	_, err := l.Next(context.Background())
	var fault *panics.Error
	if !errors.As(err, &fault) || !strings.Contains(err.Error(), "index out of range") {
		t.Errorf("%v", err)
	}
}

// Closing logs once how samples differ from the data set, and nothing if none does.
func TestCountsAreLogged(t *testing.T) {
	var log bytes.Buffer
	before := slog.Default()
	t.Cleanup(func() { slog.SetDefault(before) })
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))

	l := start(t, fakeSet{n: 4}, loader.Config{Batch: 4})
	take(t, l, 1)
	l.Close()
	if log.Len() > 0 {
		t.Errorf("logged %s", log.String())
	}
	l = start(t, fakeSet{n: 4, errs: map[int]error{2: errFormat}}, loader.Config{Batch: 4, OnBadSample: loader.Skip})
	take(t, l, 1)
	l.Close()
	l.Close()
	if text := log.String(); !strings.Contains(text, `level=WARN msg="loader: sample skipped" error="image 2: cut off"`) ||
		strings.Count(text, "loader: samples that differ from the data set") != 1 || !strings.Contains(text, "redrawn=0 replaced=0 skipped=") {
		t.Errorf("logged %s", text)
	}
}

func TestCancel(t *testing.T) {
	l := start(t, fakeSet{n: 9, delay: 50 * time.Millisecond}, loader.Config{Batch: 9, Workers: 1})
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	if _, err := l.Next(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v, want the context's error", err)
	}
	if l.Stats().Wait <= 0 {
		t.Error("the wait is not counted")
	}
}

func TestClosed(t *testing.T) {
	l := start(t, fakeSet{n: 9}, loader.Config{Batch: 3})
	take(t, l, 2)
	l.Close()
	for range 5 { // batches that were ready may still come
		if _, err := l.Next(context.Background()); err != nil {
			if !strings.Contains(err.Error(), "closed") {
				t.Errorf("%v", err)
			}
			return
		}
	}
	t.Error("a closed loader still gives batches")
}

func TestRefusedConfigs(t *testing.T) {
	set := fakeSet{n: 5}
	for _, test := range []struct {
		c    loader.Config
		want string
	}{
		{loader.Config{Batch: 0, Transform: draw{}}, "batch 0"},
		{loader.Config{Batch: 6, Transform: draw{}}, "5 samples are fewer than one batch of 6"},
		{loader.Config{Batch: 3, ShardCount: 2, Transform: draw{}}, "in each of 2 processes"},
		{loader.Config{Batch: 1, ShardIndex: 2, ShardCount: 2, Transform: draw{}}, "shard 2 of 2"},
		{loader.Config{Batch: 1, OnBadSample: "hide", Transform: draw{}}, `"hide"`},
		{loader.Config{Batch: 1}, "no transform"},
	} {
		if _, err := loader.New(set, test.c); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: %v lacks %q", test.c, err, test.want)
		}
	}
}
