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
	bar := &progress.Transfers{}
	defer bar.Finish()
	o.Progress = bar.Show
	o.Notice = func(text string) { fmt.Fprintln(os.Stderr, text) }
	return hub.Resolve(ctx, weights, o)
}
