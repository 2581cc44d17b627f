package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/gomlx/gomlx/support/exceptions"
)

// work is something prepared to be measured.
type work struct {
	run          func() error // once; what it computes is on the host when it returns. nil: nothing runs
	close        func()
	temporary    func() int64 // memory that the compiler reports, after the first run; nil where nothing is compiled
	dtype        string       // "" is float32
	parameters   int64
	multiplyAdds int64 // of a run
}

// works are all that can be measured, in the order of the table. startup has no
// preparation: see child.go.
var works = []struct {
	name, summary string
	prepare       func(ctx context.Context, o options) (*work, error)
}{
	{"forward", "inference: images to the final prediction, no mask", prepareForward},
	{"forward_masked", "forward pass with masked attention, all predictions", prepareForwardMasked},
	{"step", "whole training step: forward, matching, losses, gradients, AdamW", prepareStep},
	{"matcher", "assignment of all predictions' targets, costs given", prepareMatcher},
	{"points", "all predictions' points: drawn, sampled, the uncertain ones chosen", preparePoints},
	{"losses", "matching and losses of all predictions, with gradients", prepareLosses},
	{"loader", "a training batch of generated images, file to tensors", prepareLoader},
	{workORT, "forward with the exported network in ONNX Runtime (only where -work names it)", prepareForwardORT},
	{"startup", "process start to the first prediction, compilation included", nil},
	{"flops", "operations of one inference, counted, not run", prepareFLOPs},
}

func names() []string {
	all := make([]string, len(works))
	for i, w := range works {
		all[i] = w.name
	}
	return all
}

// defaults are the works that are measured unless -work names some.
func defaults() []string {
	return slices.DeleteFunc(names(), func(name string) bool { return name == workORT })
}

func summaries() string {
	var text strings.Builder
	for _, w := range works {
		fmt.Fprintf(&text, "  %-15s %s\n", w.name, w.summary)
	}
	return text.String()
}

// prepareWork prepares the named work; panics of graph building become errors.
func prepareWork(ctx context.Context, name string, o options) (w *work, err error) {
	for _, candidate := range works {
		if candidate.name == name {
			panicked := exceptions.TryCatch[error](func() { w, err = candidate.prepare(ctx, o) })
			if panicked != nil {
				err = panicked
			}
		}
	}
	return w, err
}

// Unless paced from outside, a work runs so often.
const (
	fewestRuns = 3
	mostRuns   = 1000
)

// time runs the work and returns the seconds of each run but the first, which compiles.
func (o options) time(ctx context.Context, w *work) (seconds []float64, err error) {
	if w.run == nil {
		return nil, nil
	}
	if err := w.run(); err != nil {
		return nil, err
	}
	more := func() bool { return len(seconds) < mostRuns }
	if o.paced {
		fmt.Println("ready")
		more = bufio.NewScanner(os.Stdin).Scan
	}
	for begin := time.Now(); more(); {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		start := time.Now()
		if err := w.run(); err != nil {
			return nil, err
		}
		seconds = append(seconds, time.Since(start).Seconds())
		if o.paced {
			fmt.Println(seconds[len(seconds)-1])
		} else if len(seconds) >= fewestRuns && time.Since(begin).Seconds() > o.seconds {
			break
		}
	}
	return seconds, nil
}
