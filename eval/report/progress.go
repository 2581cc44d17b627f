package report

import "sync/atomic"

// ticker counts ticks and passes them on.
func ticker(progress func(done, total int), total int) func() {
	var done atomic.Int64
	return func() {
		if n := done.Add(1); progress != nil {
			progress(int(n), total)
		}
	}
}
