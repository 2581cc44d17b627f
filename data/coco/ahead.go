package coco

import (
	"io"

	"eomt/internal/panics"
)

// readAhead reads a file in its own goroutine, so that a compressed file is
// unpacked while the text before is scanned.
type readAhead struct {
	file   io.ReadCloser
	blocks chan block
	free   chan []byte
	stop   chan struct{}
	done   chan struct{}
	block  block  // being read
	rest   []byte // of block
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
			b.err = panics.Recover(func() error {
				got, err := r.file.Read(b.bytes[:blockSize][n:])
				n += got
				return err
			})
		}
		b.bytes = b.bytes[:n]
		r.blocks <- b // never waits: the channel holds all blocks
		if b.err != nil {
			return
		}
	}
}

func (r *readAhead) Read(p []byte) (int, error) {
	if len(r.rest) == 0 {
		if r.block.err != nil {
			return 0, r.block.err
		}
		if r.block.bytes != nil {
			r.free <- r.block.bytes
		}
		r.block = <-r.blocks
		r.rest = r.block.bytes
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
