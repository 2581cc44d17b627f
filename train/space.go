package train

import (
	"context"
	"fmt"
	"time"

	"eomt/internal/disk"
)

// Disk is how the run meets a full disk.
func (c RunConfig) Disk() disk.Patience {
	return disk.Patience{Limit: time.Duration(c.DiskRetry * float64(time.Minute)), Say: c.Say}
}

// patiently writes what may be written again as a whole; where the disk stays full,
// the error says what is intact.
func (r *run) patiently(ctx context.Context, what string, write func() error) error {
	return r.outOfSpace(r.Disk().Do(ctx, what, write))
}

// outOfSpace adds to an error of a full disk what is intact and what to do.
func (r *run) outOfSpace(err error) error {
	if !disk.Full(err) {
		return err
	}
	return fmt.Errorf("%w: %s; free some space and resume (train.disk_retry is how long a run waits)", err, kept(r.saved))
}

// kept says which checkpoint a run that stops leaves.
func kept(step int) string {
	if step == 0 {
		return "nothing was saved yet"
	}
	return fmt.Sprintf("the checkpoint of step %d is intact", step)
}
