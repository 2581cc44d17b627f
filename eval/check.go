package eval

import (
	"context"
	"errors"
	"fmt"
	"time"

	"eomt/data"
	"eomt/eval/scoring"
)

// CheckImages loads the images of ds with their targets, in order and on all cores,
// until all are checked or the time is up, and returns how many were checked. It
// fails, naming the first, if images cannot be loaded. progress, which may be nil, is
// called after each image, one call at a time.
//
// Training calls it before its first step, as a broken validation image would
// otherwise end the run at the first validation.
func CheckImages(ctx context.Context, ds data.Dataset, within time.Duration, progress func(done, total int)) (checked int, err error) {
	limited, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	err = scoring.Each(limited, ds.Len(), func(done int) {
		checked = done
		if progress != nil {
			progress(done, ds.Len())
		}
	}, func(i int) error {
		_, err := ds.Load(i)
		return err
	})
	switch {
	case err == nil, ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded):
		return checked, nil
	case ctx.Err() != nil:
		return checked, context.Cause(ctx)
	}
	return checked, fmt.Errorf("eval: check images: %w", err)
}
