package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"eomt/configs"
	"eomt/experiment"
)

// printPlan writes what -plan asks for. It needs no data and no run folder.
func (o options) printPlan(ctx context.Context, w io.Writer, c configs.Config) error {
	p, err := experiment.NewPlan(ctx, c, experiment.PlanOptions{Backend: o.backend, Memory: o.memory, Notes: os.Stderr, Watch: experiment.Terminal})
	if err != nil {
		return fmt.Errorf("%s: %w", o.config, err)
	}
	return p.Write(w)
}
