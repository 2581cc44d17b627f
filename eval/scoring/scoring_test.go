package scoring

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"eomt/eval/ap"
	"eomt/eval/iou"
	"eomt/eval/pq"
)

func TestEachCallsAll(t *testing.T) {
	var mu sync.Mutex
	seen, ticks := map[int]bool{}, 0
	err := Each(context.Background(), 100, func(done int) {
		if ticks++; done != ticks {
			t.Errorf("tick %d says %d", ticks, done)
		}
	}, func(i int) error {
		mu.Lock()
		defer mu.Unlock()
		seen[i] = true
		return nil
	})
	if err != nil || len(seen) != 100 || ticks != 100 {
		t.Errorf("%d calls, %d ticks, %v", len(seen), ticks, err)
	}
	if err := Each(context.Background(), 0, nil, nil); err != nil {
		t.Error(err)
	}
}

func TestEachReturnsTheFirstFailure(t *testing.T) {
	for range 50 {
		err := Each(context.Background(), 1000, nil, func(i int) error {
			if i%10 == 7 {
				return fmt.Errorf("image %d", i)
			}
			return nil
		})
		if err == nil || err.Error() != "image 7" {
			t.Fatalf("%v, want image 7", err)
		}
	}
}

func TestEachStops(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	calls := 0
	var mu sync.Mutex
	err := Each(ctx, 1000, nil, func(int) error {
		mu.Lock()
		defer mu.Unlock()
		if calls++; calls == 10 {
			cancel()
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) || calls > 100 {
		t.Errorf("%v after %d calls", err, calls)
	}
}

func TestPanicsAreErrors(t *testing.T) {
	err := Each(context.Background(), 100, nil, func(i int) error {
		if i == 3 {
			panic("no such class")
		}
		return nil
	})
	if err == nil || err.Error() != "internal fault, please report it: no such class" {
		t.Errorf("%v", err)
	}
}

func ExampleWritePanoptic() {
	WritePanoptic(os.Stdout, pq.Result{All: pq.Mean{PQ: .5604, SQ: .8, RQ: .7, N: 133}})
	// Output:
	//           |    PQ     SQ     RQ     N
	// --------------------------------------
	// All       |  56.0   80.0   70.0   133
	// Things    |   0.0    0.0    0.0     0
	// Stuff     |   0.0    0.0    0.0     0
}

func TestInstanceTable(t *testing.T) {
	var b strings.Builder
	WriteInstances(&b, ap.Result{AP: .3195, ARl: -1})
	lines := strings.Split(b.String(), "\n")
	if len(lines) != 13 || lines[0] != " Average Precision  (AP) @[ IoU=0.50:0.95 | area=   all | maxDets=100 ] = 0.320" ||
		lines[11] != " Average Recall     (AR) @[ IoU=0.50:0.95 | area= large | maxDets=100 ] = -1.000" {
		t.Errorf("%s", b.String())
	}
}

func TestSemanticTable(t *testing.T) {
	var b strings.Builder
	WriteSemantic(&b, iou.Result{MIoU: .584, PerClass: []iou.ClassResult{{Name: "wall", IoU: .7, Present: true}, {Name: "sky"}}})
	for _, want := range []string{"wall                    |  70.00", "1 of 2 classes are absent from truth and predictions\n", "mIoU                    |  58.40"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
	if strings.Contains(b.String(), "sky") {
		t.Errorf("an absent class has a line:\n%s", b.String())
	}
}
