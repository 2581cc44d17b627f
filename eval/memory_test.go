package eval

import (
	"runtime"
	"testing"

	"eomt/data"
	"eomt/eval/inference"
	"eomt/eval/postprocess"
)

// large is one image of 4000 x 3000 pixels with 40 targets.
type large struct{}

func (large) Len() int                { return 1 }
func (large) Info(int) data.ImageInfo { return data.ImageInfo{ImageID: 1, Name: "large.jpg"} }
func (large) Classes() []data.Class {
	return []data.Class{{ID: 1, Name: "thing", Thing: true}, {ID: 2, Name: "stuff"}}
}

func (large) Load(int) (*data.Sample, error) {
	s := &data.Sample{ImageID: 1, Image: data.NewRGB(4000, 3000), Masks: data.NewPlanes(4000, 3000, 40)}
	for m := range 40 {
		s.Instances = append(s.Instances, data.Instance{ID: int64(m + 1), Area: 100 * 2000})
		for y := 75 * m; y < 75*m+75; y++ {
			for x := range 2000 {
				s.Masks.Set(x, y, m)
			}
		}
	}
	return s, nil
}

// TestLargeImageFitsInMemory evaluates 4000 x 3000 pixels with 200 queries. All
// that it ever allocates, so a bound of its peak, is below the 2 GB it may take.
func TestLargeImageFitsInMemory(t *testing.T) {
	const queries, grid = 200, 160
	predict := inference.PredictFunc(func(_ []uint8, b int) (postprocess.Logits, error) {
		l := postprocess.Logits{B: b, MaskH: grid, MaskW: grid, Queries: queries, Classes: 2,
			Masks: make([]float32, b*grid*grid*queries), Class: make([]float32, b*queries*3)}
		for q := range queries {
			l.Class[3*q+2] = 9
			if q < 20 { // more cost time, and memory only for a few rows each
				l.Class[3*q] = 20
			}
		}
		for i := range l.Masks {
			l.Masks[i] = 4
			if i/queries/grid/8 != i%queries {
				l.Masks[i] = -4
			}
		}
		return l, nil
	})
	for _, task := range []Task{Panoptic, Instance} {
		c := config(task)
		c.ImageH, c.ImageW, c.Batch, c.TopK = 640, 640, 1, 20
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		evaluate(t, large{}, predict, c)
		runtime.ReadMemStats(&after)
		if mb := (after.TotalAlloc - before.TotalAlloc) >> 20; mb > 1<<10 {
			t.Errorf("%s allocates %d MB in all, want at most 1024", task, mb)
		} else {
			t.Logf("%s allocates %d MB in all", task, mb)
		}
	}
}
