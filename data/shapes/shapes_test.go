package shapes_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"eomt/data"
	"eomt/data/coco"
	"eomt/data/shapes"

	"github.com/google/go-cmp/cmp"
)

func generate(t testing.TB, c shapes.Config) string {
	t.Helper()
	if c.Dir == "" {
		c.Dir = filepath.Join(t.TempDir(), "set")
	}
	if err := shapes.Generate(context.Background(), c, nil); err != nil {
		t.Fatal(err)
	}
	return c.Dir
}

// open opens both formats of a split, in which every record must be sound.
func open(t testing.TB, root, split string) (panoptic, instance *coco.Dataset) {
	t.Helper()
	c := data.OpenOptions{Root: root, Split: split, KeepEmpty: true}
	panoptic, err := coco.OpenPanoptic(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { panoptic.Close() })
	instance, err = coco.OpenInstance(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { instance.Close() })
	return panoptic, instance
}

// The two formats must agree: each thing's instance mask is at least the
// pixels of its panoptic segment, with the stated area and the same class.
func TestFormatsAgree(t *testing.T) {
	root := generate(t, shapes.Config{Train: 60, Val: 5, Size: 96, Seed: 3})
	panoptic, instance := open(t, root, "train")
	if diff := cmp.Diff(shapes.Classes(), panoptic.Classes()); diff != "" {
		t.Errorf("class table: %s", diff)
	}
	var crowds, voids, hidden int
	for i := range panoptic.Len() {
		p, s := sample(t, panoptic, i), sample(t, instance, i)
		areas := p.Masks.Areas(len(p.Instances))
		covered := 0
		for k, area := range areas {
			covered += area
			if float64(area) != p.Instances[k].Area || area == 0 {
				t.Errorf("%s: segment %d: %d pixels, %v stated", p.Name, k, area, p.Instances[k].Area)
			}
			if p.Instances[k].Crowd {
				crowds++
			}
		}
		if covered < p.Image.W*p.Image.H {
			voids++
		}
		hidden += checkThings(t, p, s)
	}
	if crowds == 0 || voids == 0 || hidden == 0 {
		t.Errorf("want crowds, void and partly hidden things among 60 images, got %d, %d, %d", crowds, voids, hidden)
	}
}

// checkThings compares the things of the panoptic and the instance sample of one
// image and returns how many are not polygons.
func checkThings(t *testing.T, p, s *data.Sample) (hidden int) {
	t.Helper()
	things := 0
	for k, g := range p.Instances {
		if !shapes.Classes()[g.Class].Thing {
			continue
		}
		if things >= len(s.Instances) {
			t.Fatalf("%s: fewer instances than panoptic things", p.Name)
		}
		instance := s.Instances[things]
		if instance.Class != g.Class || instance.Crowd != g.Crowd || instance.Area != g.Area {
			t.Errorf("%s: thing %d: %+v in the instance file, %+v in the panoptic one", p.Name, things, instance, g)
		}
		for y := range p.Image.H {
			for x := range p.Image.W {
				if p.Masks.At(x, y, k) != s.Masks.At(x, y, things) {
					t.Fatalf("%s: thing %d differs at (%d, %d)", p.Name, things, x, y)
				}
			}
		}
		things++
	}
	if things != len(s.Instances) {
		t.Errorf("%s: %d instances for %d things", p.Name, len(s.Instances), things)
	}
	return things
}

func sample(t testing.TB, set *coco.Dataset, i int) *data.Sample {
	t.Helper()
	s, err := set.Load(i)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// An image depends on seed, split and index, not on how many images are generated.
func TestDeterministic(t *testing.T) {
	a := generate(t, shapes.Config{Train: 3, Val: 2, Size: 64, Seed: 5})
	b := generate(t, shapes.Config{Train: 6, Val: 3, Size: 64, Seed: 5})
	c := generate(t, shapes.Config{Train: 3, Val: 2, Size: 64, Seed: 6})
	for _, name := range []string{
		"train2017/000000000003.jpg", "annotations/panoptic_train2017/000000000003.png", "val2017/000000500002.jpg",
	} {
		if read(t, a, name) != read(t, b, name) {
			t.Errorf("%s depends on the number of images", name)
		}
		if read(t, a, name) == read(t, c, name) {
			t.Errorf("%s does not depend on the seed", name)
		}
	}
	if read(t, a, "train2017/000000000001.jpg") == read(t, a, "val2017/000000500001.jpg") {
		t.Error("the splits show the same images")
	}
}

func read(t *testing.T, dir, name string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func TestGenerateIsWholeOrNothing(t *testing.T) {
	c := shapes.Config{Dir: filepath.Join(t.TempDir(), "deep", "set"), Train: 20, Val: 1, Size: 48, Seed: 1}
	ctx, cancel := context.WithCancel(context.Background())
	err := shapes.Generate(ctx, c, func(done, total int) {
		if total != 21 {
			t.Errorf("total %d", total)
		}
		if done == 3 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("interrupted: %v", err)
	}
	left, err := os.ReadDir(filepath.Dir(c.Dir))
	if err != nil || len(left) != 0 {
		t.Fatalf("an interrupted run left %v, %v", left, err)
	}
	generate(t, c)
	calls := 0
	if err := shapes.Generate(context.Background(), c, func(int, int) { calls++ }); err != nil || calls != 0 {
		t.Errorf("the same again: %v, %d images", err, calls)
	}
	c.Seed = 2
	err = shapes.Generate(context.Background(), c, nil)
	if err == nil || !strings.Contains(err.Error(), "another generated data set") {
		t.Errorf("other seed in the same folder: %v", err)
	}
}

func TestGenerateRefuses(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "mine.txt"), []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		c    shapes.Config
		want string
	}{
		{shapes.Config{Dir: dir, Train: 1, Size: 64}, "holds something else"},
		{shapes.Config{Dir: dir + "/a", Train: 1, Size: 16}, "size of 32 or more"},
		{shapes.Config{Dir: dir + "/a", Size: 64}, "want a folder, images"},
		{shapes.Config{Dir: dir + "/mine.txt/a", Train: 1, Size: 64}, "not a directory"},
	} {
		if err := shapes.Generate(context.Background(), test.c, nil); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: %v lacks %q", test.c, err, test.want)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "mine.txt")); errors.Is(err, fs.ErrNotExist) {
		t.Error("a foreign file is gone")
	}
}

func BenchmarkGenerate(b *testing.B) {
	dir := b.TempDir()
	n := 0
	for b.Loop() {
		n++
		generate(b, shapes.Config{Dir: filepath.Join(dir, "set", string(rune('a'+n%26)), "x"), Train: 100, Size: 128, Seed: uint64(n)})
	}
	b.ReportMetric(100*float64(b.N)/b.Elapsed().Seconds(), "images/s")
}
