package disk

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestFull(t *testing.T) {
	for err, want := range map[error]bool{
		nil: false, errors.New("no space"): false, syscall.EFBIG: false,
		syscall.ENOSPC: true, syscall.EDQUOT: true,
		fmt.Errorf("save: %w", &fs.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}): true,
		errors.Join(errors.New("other"), syscall.EDQUOT):                                   true,
	} {
		if Full(err) != want {
			t.Errorf("%v: %v", err, !want)
		}
	}
}

// attempts is a write that fails with each of errs in turn and then succeeds.
func attempts(errs ...error) (write func() error, made *int) {
	made = new(int)
	return func() error {
		*made++
		if *made <= len(errs) {
			return errs[*made-1]
		}
		return nil
	}, made
}

func TestDo(t *testing.T) {
	full, other := error(syscall.ENOSPC), errors.New("read-only")
	for name, test := range map[string]struct {
		limit time.Duration
		errs  []error
		made  int
		want  string // of the error, empty for none
		said  int
	}{
		"at once":        {time.Hour, nil, 1, "", 0},
		"other error":    {time.Hour, []error{other}, 1, "read-only", 0},
		"no patience":    {0, []error{full}, 1, "no space left on device", 0},
		"space again":    {time.Hour, []error{full, full}, 3, "", 2},
		"long wait":      {time.Hour, slices.Repeat([]error{full}, 8), 9, "", 3},
		"then otherwise": {time.Hour, []error{full, other}, 2, "read-only", 1},
		"in vain":        {time.Minute, slices.Repeat([]error{full}, 99), 61, "no space left on device; waited 1m0s for space in vain", 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var said []string
				write, made := attempts(test.errs...)
				err := Patience{Limit: test.limit, Say: func(text string) { said = append(said, text) }}.Do(t.Context(), "the log", write)
				if (err == nil) != (test.want == "") || err != nil && err.Error() != test.want {
					t.Errorf("%v, want %q", err, test.want)
				}
				if *made != test.made || len(said) != test.said {
					t.Errorf("%d attempts, want %d; said %q, want %d lines", *made, test.made, said, test.said)
				}
				if len(said) > 0 && !strings.HasPrefix(said[0], "WARNING: the disk is full: the log is not written yet (no space left on device); trying again for another ") {
					t.Errorf("said %q", said[0])
				}
			})
		})
	}
}

func TestInterruptedWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 25*time.Second)
		defer cancel()
		err := Patience{Limit: time.Hour}.Do(ctx, "the log", func() error { return syscall.EDQUOT })
		if !Full(err) || !strings.HasSuffix(err.Error(), "; interrupted after waiting 25s for space") {
			t.Errorf("%v", err)
		}
	})
}
