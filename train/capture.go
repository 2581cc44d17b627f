package train

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"eomt/checkpoints"
	"eomt/data"
	"eomt/internal/atomicfile"
)

// A step whose losses or gradients are not finite is captured in the run folder's
// nonfinite/step-NNNNNNNN: a checkpoint of the state before the step, the batch and the
// run's configuration. Of several hosts the first captures it, with its own images.
const (
	capturedDir   = "nonfinite"
	capturedBatch = "batch.safetensors"
)

// nonFinite captures the step that state and batch stand before, and is its error.
func (r *run) nonFinite(ctx context.Context, batch *data.Batch, losses Losses) error {
	stop := &NonFiniteError{Step: r.state.Step, Images: batch.Names, Losses: losses, Saved: r.saved}
	if !r.step.writes() {
		return stop
	}
	err := r.patiently(ctx, "the captured step", func() (err error) {
		stop.Captured, err = r.capture(batch)
		return err
	})
	if err != nil {
		stop.Captured = ""
		return errors.Join(stop, fmt.Errorf("train: capture step %d: %w", stop.Step, err))
	}
	return stop
}

// capture returns the folder that it writes.
func (r *run) capture(batch *data.Batch) (string, error) {
	store := checkpoints.Store{Dir: filepath.Join(r.Dir, capturedDir)}
	dir, err := store.Save(r.state.snapshot(r.step.config.Network.Architecture(), r.Saved))
	if err != nil {
		return "", err
	}
	config, err := os.ReadFile(filepath.Join(r.Dir, "config.yaml"))
	if err == nil {
		err = atomicfile.WriteBytes(filepath.Join(dir, "config.yaml"), config)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	return dir, writeBatch(filepath.Join(dir, capturedBatch), batch)
}
