package main

import (
	"context"
	"io"
	"os"

	"eomt/experiment"
)

// replayStep repeats a captured step and prints what is not finite in it.
func (o options) replayStep(ctx context.Context, w io.Writer) error {
	r, err := experiment.Replay(ctx, experiment.ReplayOptions{Dir: o.replay, Config: o.config, Overrides: o.overrides, Backend: o.backend, Notes: os.Stderr})
	if err != nil {
		return err
	}
	r.Write(w)
	return nil
}
