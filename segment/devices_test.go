package segment

import (
	"sync"
	"testing"

	"eomt/eval/postprocess"
)

// together is an engine whose calls wait for those of others.
type together struct {
	all    *sync.WaitGroup
	closed *[]int
	number int
}

func (e together) Predict(_ []uint8, b int) (postprocess.Logits, error) {
	e.all.Done()
	e.all.Wait()
	return postprocess.Logits{B: b}, nil
}

func (e together) Close() { *e.closed = append(*e.closed, e.number) }

// Devices predict at the same time. The first is closed last.
func TestDevicesWorkTogether(t *testing.T) {
	var all, callers sync.WaitGroup
	all.Add(2)
	var closed []int
	d := newDevices(together{&all, &closed, 0}, together{&all, &closed, 1})
	for i := range 2 {
		callers.Go(func() {
			if l, err := d.predict(t.Context(), []uint8{1}, i); err != nil || l.B != i {
				t.Errorf("caller %d: %d, %v", i, l.B, err)
			}
		})
	}
	callers.Wait()
	d.close()
	if len(closed) != 2 || closed[1] != 0 {
		t.Errorf("closed %v", closed)
	}
}
