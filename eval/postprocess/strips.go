package postprocess

import (
	"runtime"
	"sync"

	"eomt/internal/panics"
)

// minStrip is the least number of rows worth a goroutine.
const minStrip = 32

// strips calls work for ranges [from, to) that cover n rows, concurrently on all
// cores. A panic in work is raised in the caller.
func strips(n int, work func(from, to int)) {
	parts := max(1, min(runtime.GOMAXPROCS(0), n/minStrip))
	each(parts, func(p int) { work(p*n/parts, (p+1)*n/parts) })
}

// each calls work for 0 to n-1, concurrently on all cores. A panic in work is raised
// in the caller.
func each(n int, work func(i int)) {
	next := make(chan int)
	var wait sync.WaitGroup
	var once sync.Once
	var fault error
	for range min(runtime.GOMAXPROCS(0), n) {
		wait.Go(func() {
			for i := range next {
				err := panics.Recover(func() error { work(i); return nil })
				if err != nil {
					once.Do(func() { fault = err })
				}
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wait.Wait()
	if fault != nil {
		panic(fault)
	}
}
