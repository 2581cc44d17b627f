package experiment

import (
	"context"
	"fmt"
	"io"

	"eomt/checkpoints/hub"
	"eomt/internal/progress"
)

// FindWeights is the path that weights stand for: itself, or where a name of the
// hub (dinov2:NAME, hf:OWNER/NAME) was fetched to. Transfers are shown on standard
// error where watch is not nil.
func FindWeights(ctx context.Context, weights string, o hub.Options, notes io.Writer, watch Watch) (string, error) {
	if watch != nil {
		transfers := &progress.Transfers{}
		defer transfers.Finish()
		o.Progress = transfers.Show
	}
	o.Notice = func(text string) { fmt.Fprintln(notes, text) }
	return hub.Resolve(ctx, weights, o)
}
