//go:build mpi && cgo

package mpi

/*
#include <mpi.h>
#include <sched.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int64_t nanoseconds(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static MPI_Request pending = MPI_REQUEST_NULL;

static int world_init(int *rank, int *size) {
	int provided;
	int err = MPI_Init_thread(NULL, NULL, MPI_THREAD_SERIALIZED, &provided);
	if (err) return err;
	if (provided < MPI_THREAD_SERIALIZED) return -1;
	MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
	MPI_Comm_rank(MPI_COMM_WORLD, rank);
	return MPI_Comm_size(MPI_COMM_WORLD, size);
}

static int world_sum(float *values, int n) {
	return MPI_Iallreduce(MPI_IN_PLACE, values, n, MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD, &pending);
}

static int world_counts(int *mine, int *all) {
	return MPI_Iallgather(mine, 1, MPI_INT, all, 1, MPI_INT, MPI_COMM_WORLD, &pending);
}

static int world_bytes(char *mine, int n, char *all, int *counts, int *places) {
	return MPI_Iallgatherv(mine, n, MPI_BYTE, all, counts, places, MPI_BYTE, MPI_COMM_WORLD, &pending);
}

// world_wait drives the pending call for so long, first without a pause: only its tests
// make it go on.
static int world_wait(int64_t limit, int *done) {
	int64_t begin = nanoseconds();
	for (;;) {
		int err = MPI_Test(&pending, done, MPI_STATUS_IGNORE);
		int64_t passed = nanoseconds() - begin;
		if (err || *done || passed > limit) return err;
		if (passed < 2000000) {
			sched_yield();
		} else {
			struct timespec pause = {0, 50000};
			nanosleep(&pause, NULL);
		}
	}
}

#define LETTER 1024
enum { LETTER_TAG = 71 };
static char out[LETTER];
static MPI_Request sending = MPI_REQUEST_NULL;

// world_beat sends a sign of life, unless the one before is still on its way.
static int world_beat(int to) {
	int done;
	int err = MPI_Test(&sending, &done, MPI_STATUS_IGNORE);
	if (err || !done) return err;
	out[0] = 0;
	return MPI_Isend(out, 1, MPI_BYTE, to, LETTER_TAG, MPI_COMM_WORLD, &sending);
}

// world_tell sends a last word; it does not wait for it to arrive.
static int world_tell(int to, char *text, int n) {
	MPI_Request letting;
	return MPI_Isend(text, n, MPI_BYTE, to, LETTER_TAG, MPI_COMM_WORLD, &letting);
}

// world_letter receives a sign of life (length 1) or a last word; length 0 if there is none.
static int world_letter(char *text, int *length, int *from) {
	int there;
	MPI_Status status;
	*length = 0;
	int err = MPI_Iprobe(MPI_ANY_SOURCE, LETTER_TAG, MPI_COMM_WORLD, &there, &status);
	if (err || !there) return err;
	*from = status.MPI_SOURCE;
	err = MPI_Recv(text, LETTER, MPI_BYTE, status.MPI_SOURCE, LETTER_TAG, MPI_COMM_WORLD, &status);
	if (err) return err;
	return MPI_Get_count(&status, MPI_BYTE, length);
}

static void world_abort(void) { MPI_Abort(MPI_COMM_WORLD, 1); }

static void world_explain(int err, char *text) {
	int n = 0;
	if (err < 0 || MPI_Error_string(err, text, &n)) strcpy(text, "MPI_THREAD_SERIALIZED is not supported");
}
*/
import "C"

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"time"
	"unsafe"
)

// A process sends a sign of life to the next one so often, and takes the one before it
// for lost after so long without.
const (
	beatEvery = 2 * time.Second
	lostAfter = 40 * time.Second
)

// World are the processes of a run: all that a launcher started.
type World struct {
	rank, size int
	jobs       chan func()
	closed     bool
	buffer     unsafe.Pointer // of the C heap: MPI reads and writes it between calls
	floats     int
	beaten     time.Time // the last sign of life was sent
	seen       time.Time // and received
}

// Open joins the processes that a launcher started; the result is nil where this
// process is alone.
func Open() (*World, error) {
	if !launched() {
		return nil, nil
	}
	w := &World{jobs: make(chan func())}
	ready := make(chan error)
	go w.run(ready)
	if err := <-ready; err != nil {
		return nil, err
	}
	return w, nil
}

// run makes all calls of MPI.
func (w *World) run(ready chan<- error) {
	runtime.LockOSThread()
	var rank, size C.int
	err := explained("start", C.world_init(&rank, &size))
	w.rank, w.size = int(rank), int(size)
	w.beaten, w.seen = time.Now(), time.Now()
	ready <- err
	if err != nil {
		return
	}
	ticker := time.NewTicker(beatEvery / 2)
	defer ticker.Stop()
	for !w.closed {
		select {
		case job := <-w.jobs:
			job()
		case <-ticker.C:
			w.live()
		}
	}
}

// do runs a job on the goroutine of MPI.
func (w *World) do(job func() error) error {
	done := make(chan error, 1)
	w.jobs <- func() { done <- job() }
	return <-done
}

// Rank is the number of this process, from 0.
func (w *World) Rank() int { return w.rank }

// Size is the number of processes.
func (w *World) Size() int { return w.size }

// Buffer is memory for [World.Sum]; it is the same at each call and valid until a
// longer one is asked for.
func (w *World) Buffer(n int) []float32 {
	if n > w.floats {
		C.free(w.buffer)
		w.buffer, w.floats = C.malloc(C.size_t(4*n)), n
	}
	return unsafe.Slice((*float32)(w.buffer), n)
}

// mostAtOnce bounds one sum, whose length MPI counts in an int.
const mostAtOnce = 1 << 28

// Sum replaces the first values of [World.Buffer] by their sums over all processes.
func (w *World) Sum(values []float32) error {
	return w.do(func() error {
		for len(values) > 0 {
			n := min(len(values), mostAtOnce)
			if err := w.finish("sum", C.world_sum((*C.float)(&values[0]), C.int(n))); err != nil {
				return err
			}
			values = values[n:]
		}
		return nil
	})
}

// Gather returns what each process gives, by rank. All wait for all.
func (w *World) Gather(mine []byte) (all [][]byte, err error) {
	err = w.do(func() error {
		counts := C.malloc(C.size_t(8 * (w.size + 1)))
		defer C.free(counts)
		numbers := unsafe.Slice((*C.int)(counts), 2*(w.size+1))
		lengths, places := numbers[:w.size], numbers[w.size:2*w.size]
		own := &numbers[2*w.size]
		*own = C.int(len(mine))
		if err := w.finish("gather lengths", C.world_counts(own, &lengths[0])); err != nil {
			return err
		}
		total := 0
		for i, n := range lengths {
			places[i] = C.int(total)
			total += int(n)
		}
		if total > 1<<31-1 {
			return fmt.Errorf("mpi: gather: %d bytes at once are too many", total)
		}
		from, to := C.CBytes(mine), C.malloc(C.size_t(max(total, 1)))
		defer C.free(from)
		defer C.free(to)
		err := w.finish("gather", C.world_bytes((*C.char)(from), *own, (*C.char)(to), &lengths[0], &places[0]))
		if err != nil {
			return err
		}
		for i, n := range lengths {
			all = append(all, C.GoBytes(unsafe.Add(to, int(places[i])), n))
		}
		return nil
	})
	return all, err
}

// finish waits for a call that has begun, and gives signs of life meanwhile.
func (w *World) finish(what string, begun C.int) error {
	if err := explained(what, begun); err != nil {
		return err
	}
	for {
		var done C.int
		if err := explained(what, C.world_wait(C.int64_t(beatEvery/20), &done)); err != nil || done != 0 {
			return err
		}
		w.live()
	}
}

// live sends and receives signs of life, and ends this process on a last word or
// where they stay away.
func (w *World) live() {
	now := time.Now()
	if now.Sub(w.beaten) >= beatEvery {
		w.beaten = now
		w.expect(C.world_beat(C.int((w.rank + 1) % w.size)))
	}
	for {
		var text [1024]C.char
		var length, from C.int
		w.expect(C.world_letter(&text[0], &length, &from))
		if length == 0 {
			break
		}
		if length > 1 {
			w.end(C.GoStringN(&text[0], length))
		}
		w.seen = now
	}
	before := (w.rank + w.size - 1) % w.size
	if silent := now.Sub(w.seen); silent > lostAfter {
		w.last(fmt.Sprintf("rank %d has given no sign of life for %v: it was killed, or its host is gone; the run continues with -resume", before, silent.Round(time.Second)))
	}
}

// expect ends this process where exchanging signs of life fails.
func (w *World) expect(code C.int) {
	if err := explained("exchange signs of life", code); err != nil {
		w.last(err.Error())
	}
}

// last tells all processes a last word, and ends this one.
func (w *World) last(text string) {
	text = fmt.Sprintf("mpi: rank %d ends all ranks: %s", w.rank, text)
	if len(text) > C.LETTER {
		text = text[:C.LETTER]
	}
	word := C.CString(text) // never freed: it may be on its way until the end
	for rank := range w.size {
		if rank != w.rank {
			C.world_tell(C.int(rank), word, C.int(len(text)))
		}
	}
	w.end(text)
}

// end ends this process, and by the launcher the others.
func (w *World) end(text string) {
	fmt.Fprintln(os.Stderr, text)
	time.AfterFunc(5*time.Second, func() { os.Exit(1) }) // where the launcher does not
	time.Sleep(500 * time.Millisecond)                   // for last words to leave
	C.world_abort()
	os.Exit(1)
}

// Abort ends all processes, which print the reason.
func (w *World) Abort(reason string) {
	w.do(func() error {
		w.last(reason)
		return nil
	})
}

// Close ends the use of MPI by all processes; all wait for all.
func (w *World) Close() error {
	if _, err := w.Gather(nil); err != nil {
		return err
	}
	return w.do(func() error {
		w.closed = true
		for { // a sign of life that nobody receives would be an error of some libraries
			var text [1024]C.char
			var length, from C.int
			if C.world_letter(&text[0], &length, &from) != 0 || length == 0 {
				break
			}
		}
		return explained("end", C.MPI_Finalize())
	})
}

// explained is the error of a call of MPI, nil for success.
func explained(what string, code C.int) error {
	if code == 0 {
		return nil
	}
	var text [1024]C.char
	C.world_explain(code, &text[0])
	return errors.New("mpi: " + what + ": " + C.GoString(&text[0]))
}
