package app

import (
	"context"
	"fmt"
	"os"

	"eomt/checkpoints/hub"
	"eomt/internal/progress"
)

// FindWeights is the path that weights stand for: itself, or where a name of the
// hub (dinov2:NAME, hf:OWNER/NAME) was fetched to, with progress on standard error.
func FindWeights(ctx context.Context, weights string, o hub.Options) (string, error) {
	bar := &transfers{}
	defer bar.finish()
	o.Progress = bar.show
	o.Notice = func(text string) { fmt.Fprintln(os.Stderr, text) }
	return hub.Resolve(ctx, weights, o)
}

// transfers shows a progress bar a file, in megabytes.
type transfers struct {
	file string
	bar  *progress.Progress
}

func (t *transfers) show(file string, done, total int64) {
	const megabyte = 1 << 20
	if file != t.file {
		t.finish()
		t.file, t.bar = file, progress.Start(file+" (MB)", int((total+megabyte-1)/megabyte))
	}
	t.bar.Set(int((done+megabyte-1)/megabyte), "")
}

func (t *transfers) finish() {
	if t.bar != nil {
		t.bar.Finish()
		t.bar = nil
	}
}
