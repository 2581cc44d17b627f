package loader

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"

	"eomt/data"
	"eomt/data/transform"
)

// maxReplacements bounds the search for a sample that can be trained on.
const maxReplacements = 100

// sample makes the sample of a draw. If it has nothing to learn from, or is
// broken and may be skipped, the next one of the data set replaces it. The random
// numbers stay those of the draw.
func (l *Loader) sample(epoch int, d draw) (*data.Sample, error) {
	rng, at := l.order.random(epoch, d), int(d.index)
	var why error
	for try := range min(maxReplacements, l.set.Len()) {
		s, err := l.set.Load((at + try) % l.set.Len())
		if err == nil {
			var draws int
			if s, draws, err = l.config.Transform.ApplyCounted(rng, s); draws > 1 {
				l.redrawn.Add(1)
			}
		}
		switch {
		case err == nil:
			return l.limit(s), nil
		case errors.Is(err, transform.ErrNoTarget):
			l.replaced.Add(1)
		case l.config.OnBadSample == Skip && isBadSample(err):
			l.skipped.Add(1)
			slog.Warn("loader: sample skipped", "error", err)
		default:
			return nil, fmt.Errorf("loader: %w", err)
		}
		why = err
	}
	return nil, fmt.Errorf("loader: no sample to train on among %d in a row, the last because: %w",
		min(maxReplacements, l.set.Len()), why)
}

// isBadSample reports whether an error is the fault of a sample's file: a broken
// format or a missing file, not a failing disk.
func isBadSample(err error) bool {
	return errors.As(err, new(*data.FormatError)) || errors.Is(err, fs.ErrNotExist)
}
