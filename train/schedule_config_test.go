package train

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestScheduleConfig(t *testing.T) {
	c := ScheduleConfig{Epochs: 1.5, Warmup: [2]int{2, 3}}
	if got := c.Steps(101); got != 152 {
		t.Errorf("%d steps", got)
	}
	want := Schedule{Total: 12, WarmupHead: 2, WarmupBackbone: 3, Annealing: []Anneal{{0, 1}, {8, 10}}}
	spans, err := Spans{First: []int{0, 1}}.Derive(12, 2)
	if diff := cmp.Diff(want, c.Schedule(12, spans)); diff != "" || err != nil {
		t.Errorf("%v: %s", err, diff)
	}
	if spans, err = (Spans{Off: true}).Derive(12, 2); err != nil || c.Schedule(12, spans).Annealing != nil {
		t.Errorf("%+v, %v", spans, err)
	}
	if _, err = (Spans{Start: []int{1}, End: []int{2}}).Derive(12, 2); err == nil || !strings.Contains(err.Error(), "1 spans for 2 query blocks") {
		t.Error(err)
	}
}
