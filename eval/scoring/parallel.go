package scoring

import (
	"context"
	"runtime"
	"sync"

	"eomt/internal/panics"
)

// Each calls f for 0 to n-1, in ascending order of start, from as many
// goroutines as there are cores. After the first error it starts no more; of
// several it returns that of the lowest index, so that a broken data set gives
// the same error every time. A panic of f is an error. tick, which may be nil, is
// called after each call, one at a time.
func Each(ctx context.Context, n int, tick func(done int), f func(i int) error) error {
	var mu sync.Mutex
	next, done, failed := 0, 0, n
	var failure error
	take := func() (i int, ok bool) {
		mu.Lock()
		defer mu.Unlock()
		if next >= n || failure != nil || ctx.Err() != nil {
			return 0, false
		}
		next++
		return next - 1, true
	}
	finish := func(i int, err error) {
		mu.Lock()
		defer mu.Unlock()
		if err != nil && i < failed {
			failed, failure = i, err
		}
		if done++; tick != nil {
			tick(done)
		}
	}
	var workers sync.WaitGroup
	for range min(n, runtime.GOMAXPROCS(0)) {
		workers.Go(func() {
			for i, ok := take(); ok; i, ok = take() {
				finish(i, panics.Recover(func() error { return f(i) }))
			}
		})
	}
	workers.Wait()
	if failure != nil {
		return failure
	}
	return ctx.Err()
}
