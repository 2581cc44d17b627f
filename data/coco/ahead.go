package coco

import "io"

// readAhead reads a file in a goroutine of its own, so that a compressed one is
// unpacked while what came before is scanned.
type readAhead struct {
	file   io.ReadCloser
	blocks chan block
	free   chan []byte
	stop   chan struct{}
	done   chan struct{}
	now    block
	rest   []byte // of now
}

type block struct {
	bytes []byte
	err   error // after bytes
}

const (
	blockSize   = 256 << 10
	blocksAhead = 4
)

func newReadAhead(file io.ReadCloser) *readAhead {
	r := &readAhead{
		file:   file,
		blocks: make(chan block, blocksAhead),
		free:   make(chan []byte, blocksAhead),
		stop:   make(chan struct{}),
		done:   make(chan struct{}),
	}
	for range blocksAhead {
		r.free <- make([]byte, blockSize)
	}
	go r.run()
	return r
}

func (r *readAhead) run() {
	defer close(r.done)
	for {
		var b block
		select {
		case b.bytes = <-r.free:
		case <-r.stop:
			return
		}
		n := 0
		for n < blockSize && b.err == nil {
			var got int
			got, b.err = r.file.Read(b.bytes[:blockSize][n:])
			n += got
		}
		b.bytes = b.bytes[:n]
		r.blocks <- b // there is room for all blocks: never waits
		if b.err != nil {
			return
		}
	}
}

func (r *readAhead) Read(p []byte) (int, error) {
	if len(r.rest) == 0 {
		if r.now.err != nil {
			return 0, r.now.err
		}
		if r.now.bytes != nil {
			r.free <- r.now.bytes
		}
		r.now = <-r.blocks
		r.rest = r.now.bytes
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// Close ends the goroutine and closes the file.
func (r *readAhead) Close() error {
	close(r.stop)
	<-r.done
	return r.file.Close()
}
