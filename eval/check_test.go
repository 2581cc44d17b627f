package eval

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"eomt/data"
)

func TestCheckImages(t *testing.T) {
	ds, _ := generated(t, Panoptic)
	calls := 0
	n, err := CheckImages(t.Context(), ds, time.Minute, func(done, total int) {
		if calls++; done != calls || total != 10 {
			t.Errorf("call %d says %d of %d", calls, done, total)
		}
	})
	if n != 10 || err != nil || calls != 10 {
		t.Errorf("checked %d, %v", n, err)
	}
	if _, err := CheckImages(t.Context(), broken{ds}, time.Minute, nil); err == nil || err.Error() != "eval: check images: third.jpg: truncated" {
		t.Errorf("a broken image: %v", err)
	}
	if n, err := CheckImages(t.Context(), slow{ds}, 50*time.Millisecond, nil); n == 0 || n == 10 || err != nil {
		t.Errorf("out of time: %d checked, %v", n, err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	stopped := errors.New("stopped by the test")
	cancel(stopped)
	if _, err := CheckImages(ctx, ds, time.Minute, nil); !errors.Is(err, stopped) {
		t.Errorf("interrupted: %v", err)
	}
}

// slow is a data set on a slow disk.
type slow struct{ data.Dataset }

func (s slow) Load(i int) (*data.Sample, error) {
	time.Sleep(40 * time.Millisecond)
	return s.Dataset.Load(i)
}

// What would end a validation is found before training.
func TestCheckBeforeTraining(t *testing.T) {
	ds, _ := generated(t, Semantic)
	c := config(Semantic)
	if err := c.Check(ds); err != nil {
		t.Error(err)
	}
	c.ImageH = 32
	if err := c.Check(ds); err == nil || !strings.Contains(err.Error(), "the model's image must be square") {
		t.Errorf("an oblong model: %v", err)
	}
}
