package postprocess

import (
	"runtime"
	"sync"
)

// minStrip is the least number of rows worth a goroutine.
const minStrip = 32

// strips calls work for ranges [from, to) that cover n rows, at once on all cores.
func strips(n int, work func(from, to int)) {
	parts := max(1, min(runtime.GOMAXPROCS(0), n/minStrip))
	var wait sync.WaitGroup
	for p := range parts {
		wait.Go(func() { work(p*n/parts, (p+1)*n/parts) })
	}
	wait.Wait()
}

// each calls work for 0 to n-1, at once on all cores.
func each(n int, work func(i int)) {
	next := make(chan int)
	var wait sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), n) {
		wait.Go(func() {
			for i := range next {
				work(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wait.Wait()
}
