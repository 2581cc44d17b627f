package eval

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"eomt/eval/predictions"
)

// TestInterruptedIsResumed stops after some images, cuts the journal's last line as
// a crash may, and holds the rest against an uninterrupted evaluation.
func TestInterruptedIsResumed(t *testing.T) {
	for _, task := range []Task{Panoptic, Instance} {
		t.Run(string(task), func(t *testing.T) {
			ds, _ := generated(t, task)
			c := config(task)
			c.Batch, c.Identity = 1, "weights 1"
			c.Save = t.TempDir()
			want := figures(t, evaluate(t, ds, newOracle(t, ds), c))
			file := map[Task]string{Panoptic: predictions.PanopticJSON, Instance: predictions.InstanceJSON}[task]
			wantFile, err := os.ReadFile(filepath.Join(c.Save, file))
			if err != nil {
				t.Fatal(err)
			}

			c.Save = t.TempDir()
			ctx, cancel := context.WithCancelCause(t.Context())
			stopped := errors.New("stopped by the test")
			o := newOracle(t, ds)
			o.onCall = func(call int) {
				if call == 6 {
					cancel(stopped)
				}
			}
			if _, err := Evaluate(ctx, ds, o, c, nil); !errors.Is(err, stopped) || !strings.Contains(err.Error(), "of 10 images") {
				t.Fatalf("interrupted: %v", err)
			}
			journal := filepath.Join(c.Save, journalName)
			text, err := os.ReadFile(journal)
			if err != nil {
				t.Fatal(err)
			}
			left := bytes.Count(text, []byte("\n")) - 1
			if left < 2 {
				t.Fatalf("%d records left", left)
			}
			if err := os.WriteFile(journal, text[:len(text)-20], 0o666); err != nil {
				t.Fatal(err)
			}
			o = newOracle(t, ds)
			r := evaluate(t, ds, o, c)
			if r.Resumed != left-1 || int(o.calls.Load()) != 10-r.Resumed {
				t.Errorf("%d records left, %d resumed, %d predicted", left-1, r.Resumed, o.calls.Load())
			}
			if got := figures(t, r); got != want {
				t.Errorf("after resuming: %s", cmp.Diff(want, got))
			}
			gotFile, err := os.ReadFile(filepath.Join(c.Save, file))
			if err != nil || !bytes.Equal(gotFile, wantFile) {
				t.Errorf("saved predictions differ after resuming (%v)", err)
			}
			if r := evaluate(t, ds, o, c); r.Resumed != 0 {
				t.Errorf("a complete evaluation was resumed with %d records", r.Resumed)
			}
		})
	}
}

func TestAnotherIdentityStartsFromScratch(t *testing.T) {
	ds, _ := generated(t, Panoptic)
	c := config(Panoptic)
	c.Batch, c.Journal = 1, filepath.Join(t.TempDir(), "images.jsonl")
	ctx, cancel := context.WithCancel(t.Context())
	o := newOracle(t, ds)
	o.onCall = func(call int) {
		if call == 6 {
			cancel()
		}
	}
	if _, err := Evaluate(ctx, ds, o, c, nil); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	c.Identity = "other weights"
	if r := evaluate(t, ds, newOracle(t, ds), c); r.Resumed != 0 {
		t.Errorf("%d records of other weights were taken", r.Resumed)
	}
}

// Earlier versions wrote the class table's keys with capitals.
func TestOlderJournalIsResumed(t *testing.T) {
	ds, _ := generated(t, Panoptic)
	c := config(Panoptic)
	c.Batch, c.Journal = 1, filepath.Join(t.TempDir(), "images.jsonl")
	ctx, cancel := context.WithCancel(t.Context())
	o := newOracle(t, ds)
	o.onCall = func(call int) {
		if call == 6 {
			cancel()
		}
	}
	if _, err := Evaluate(ctx, ds, o, c, nil); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	text, err := os.ReadFile(c.Journal)
	if err != nil {
		t.Fatal(err)
	}
	header, records, _ := bytes.Cut(text, []byte("\n"))
	older := strings.NewReplacer(`"id":`, `"ID":`, `"name":`, `"Name":`, `"thing":`, `"Thing":`, `"color":`, `"Color":`).Replace(string(header))
	if err := os.WriteFile(c.Journal, []byte(older+"\n"+string(records)), 0o666); err != nil || older == string(header) {
		t.Fatalf("%v, %s", err, header)
	}
	if r := evaluate(t, ds, newOracle(t, ds), c); r.Resumed != bytes.Count(records, []byte("\n")) || r.Resumed == 0 {
		t.Errorf("%d of %d records resumed", r.Resumed, bytes.Count(records, []byte("\n")))
	}
}
