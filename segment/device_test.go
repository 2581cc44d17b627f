package segment

import (
	"context"
	"errors"
	"image"
	"image/color"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"eomt/data/rle"
	"eomt/eval/postprocess"
)

// counter is an engine that fails if two calls overlap.
type counter struct {
	busy, calls, closed atomic.Int32
	began, release      chan struct{}
}

func (c *counter) Predict(images []uint8, b int) (postprocess.Logits, error) {
	if c.busy.Add(1) != 1 {
		return postprocess.Logits{}, errors.New("two callers at once")
	}
	defer c.busy.Add(-1)
	c.calls.Add(1)
	if c.began != nil {
		c.began <- struct{}{}
		<-c.release
	}
	if len(images) == 0 {
		panic("shapes differ")
	}
	return postprocess.Logits{B: b}, nil
}

func (c *counter) Close() { c.closed.Add(1) }

func TestOneCallerAtATime(t *testing.T) {
	e := &counter{}
	d := newDevices(e)
	var callers sync.WaitGroup
	for i := range 50 {
		callers.Go(func() {
			if l, err := d.predict(t.Context(), []uint8{1}, i); err != nil || l.B != i {
				t.Errorf("caller %d: %d, %v", i, l.B, err)
			}
		})
	}
	callers.Wait()
	if _, err := d.predict(t.Context(), nil, 1); err == nil || !strings.Contains(err.Error(), "internal fault, please report it: shapes differ") {
		t.Errorf("a panic: %v", err)
	}
	if _, err := d.predict(t.Context(), []uint8{1}, 1); err != nil {
		t.Errorf("after a panic: %v", err)
	}
	for range 2 {
		d.close()
	}
	if _, err := d.predict(t.Context(), []uint8{1}, 1); !errors.Is(err, ErrClosed) {
		t.Errorf("closed: %v", err)
	}
	if e.closed.Load() != 1 {
		t.Errorf("the engine was closed %d times", e.closed.Load())
	}
}

// Whoever goes while another image runs is dropped; closing waits for the one that
// runs and answers the others.
func TestWaitingCallers(t *testing.T) {
	e := &counter{began: make(chan struct{}), release: make(chan struct{})}
	d := newDevices(e)
	first, closed := make(chan error), make(chan struct{})
	go func() {
		_, err := d.predict(t.Context(), []uint8{1}, 1)
		first <- err
	}()
	<-e.began
	gone := errors.New("the client has gone")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(gone)
	if _, err := d.predict(ctx, []uint8{1}, 1); !errors.Is(err, gone) {
		t.Errorf("gone: %v", err)
	}
	go func() {
		d.close()
		close(closed)
	}()
	<-d.quit
	if _, err := d.predict(t.Context(), []uint8{1}, 1); !errors.Is(err, ErrClosed) {
		t.Errorf("closing: %v", err)
	}
	close(e.release)
	if err := <-first; err != nil {
		t.Errorf("the image that ran: %v", err)
	}
	<-closed
	if e.calls.Load() != 1 {
		t.Errorf("%d images ran, want 1", e.calls.Load())
	}
}

func TestMasksOf(t *testing.T) {
	pix := []uint16{
		5, 5, 0, 5,
		0, 5, 5, 5,
	}
	masks := masksOf(pix, 4, 2)
	if len(masks) != 2 {
		t.Fatalf("%d masks", len(masks))
	}
	for value, mask := range masks {
		if _, err := rle.FromCounts(mask.Counts, mask.H, mask.W); err != nil {
			t.Error(err)
		}
		for i, in := range mask.Decode() {
			if (in == 1) != (pix[i] == value) {
				t.Errorf("mask %d, pixel %d is %d", value, i, in)
			}
		}
	}
}

func TestFromImage(t *testing.T) {
	src := image.NewNRGBA(image.Rect(3, 4, 6, 6))
	src.SetNRGBA(4, 5, color.NRGBA{10, 20, 30, 128})
	img := FromImage(src)
	if img.W != 3 || img.H != 2 || string(img.Pix[12:15]) != "\x0a\x14\x1e" || string(img.Pix[:3]) != "\x00\x00\x00" {
		t.Errorf("%d x %d, %v", img.W, img.H, img.Pix)
	}
}
