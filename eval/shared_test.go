package eval

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"eomt/data"
	"eomt/eval/inference"
	"eomt/eval/postprocess"
)

// desk is where the processes of a test exchange what they have, in rounds.
type desk struct {
	size   int
	mu     sync.Mutex
	rounds []*round
}

type round struct {
	given [][]byte
	left  sync.WaitGroup
}

// seat is one process at the desk.
type seat struct {
	*desk
	rank, next int
}

func (s *seat) Rank() int { return s.rank }
func (s *seat) Size() int { return s.size }

func (s *seat) Gather(mine []byte) ([][]byte, error) {
	s.mu.Lock()
	if s.next == len(s.rounds) {
		r := &round{given: make([][]byte, s.size)}
		r.left.Add(s.size)
		s.rounds = append(s.rounds, r)
	}
	r := s.rounds[s.next]
	s.next++
	r.given[s.rank] = mine
	s.mu.Unlock()
	r.left.Done()
	r.left.Wait()
	return r.given, nil
}

// together evaluates in n processes and returns what each got.
func together(n int, evaluate func(rank int, shared Shared) (*Result, error)) (results []*Result, errs []error) {
	results, errs = make([]*Result, n), make([]error, n)
	d := &desk{size: n}
	var group sync.WaitGroup
	for rank := range n {
		group.Go(func() { results[rank], errs[rank] = evaluate(rank, &seat{desk: d, rank: rank}) })
	}
	group.Wait()
	return results, errs
}

// Three processes give the figures and files of one, to the byte, also where a part had
// been evaluated before.
func TestSharedEvaluation(t *testing.T) {
	for _, task := range []Task{Panoptic, Instance} {
		t.Run(string(task), func(t *testing.T) {
			ds, _ := generated(t, task)
			oracle := newOracle(t, ds)
			c := config(task)
			c.Save = filepath.Join(t.TempDir(), "one")
			want := evaluate(t, ds, noisy{oracle}, c)
			dirs := []string{t.TempDir(), t.TempDir(), t.TempDir()}
			stopped := errors.New("stopped by the test")
			ctx, cancel := context.WithCancelCause(t.Context())
			_, err := Evaluate(ctx, ds, noisy{oracle}, withSave(c, dirs[0]), func(done, _ int) {
				if done == 3 {
					cancel(stopped)
				}
			})
			if !errors.Is(err, stopped) {
				t.Fatal(err)
			}
			counted := make([]int, 3)
			results, errs := together(3, func(rank int, shared Shared) (*Result, error) {
				c := withSave(c, dirs[rank])
				c.Shared = shared
				return Evaluate(t.Context(), ds, inference.PredictFunc(func(images []uint8, b int) (postprocess.Logits, error) {
					counted[rank]++
					return noisy{oracle}.Predict(images, b)
				}), c, nil)
			})
			if err := errors.Join(errs...); err != nil {
				t.Fatal(err)
			}
			for rank, got := range results {
				if diff := cmp.Diff(texts(t, want), texts(t, got)); diff != "" {
					t.Errorf("rank %d: %s", rank, diff)
				}
				if diff := cmp.Diff(filesOf(t, c.Save), filesOf(t, dirs[rank])); diff != "" {
					t.Errorf("files of rank %d: %s", rank, diff)
				}
				if counted[rank] > 2 { // batches of three
					t.Errorf("rank %d predicted %d batches", rank, counted[rank])
				}
			}
		})
	}
}

func withSave(c Config, dir string) Config {
	c.Save = dir
	return c
}

// texts are a result's records and outcomes.
func texts(t *testing.T, r *Result) []string {
	t.Helper()
	records, err := json.Marshal(r.Records)
	if err != nil {
		t.Fatal(err)
	}
	outcomes, err := json.Marshal(r.Outcomes)
	if err != nil {
		t.Fatal(err)
	}
	return []string{string(records), string(outcomes)}
}

// filesOf are the saved predictions.
func filesOf(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == journalName { // in the order of completion
			return err
		}
		raw, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		files[name] = string(raw)
		return err
	})
	if err != nil || len(files) == 0 {
		t.Fatal(err)
	}
	return files
}

// What ends one process's part ends all, with its reason.
func TestSharedFailures(t *testing.T) {
	ds, _ := generated(t, Panoptic)
	oracle := newOracle(t, ds)
	run := func(ctx func(rank int) context.Context, of func(rank int) data.Dataset) []error {
		_, errs := together(2, func(rank int, shared Shared) (*Result, error) {
			c := config(Panoptic)
			c.Shared = shared
			return Evaluate(ctx(rank), of(rank), oracle, c, nil)
		})
		return errs
	}
	here := func(int) context.Context { return t.Context() }
	errs := run(here, func(rank int) data.Dataset {
		if rank == 1 {
			return failing{ds}
		}
		return ds
	})
	if errs[0] == nil || !strings.Contains(errs[0].Error(), "eval: rank 1: inference: disk gone") || errs[1] == nil || strings.Contains(errs[1].Error(), "rank") {
		t.Errorf("a failure: %v", errs)
	}
	stopped, cancel := context.WithCancel(t.Context())
	cancel()
	errs = run(func(rank int) context.Context {
		if rank == 0 {
			return stopped
		}
		return t.Context()
	}, func(int) data.Dataset { return ds })
	if !errors.Is(errs[1], ErrStopped) || !errors.Is(errs[0], context.Canceled) {
		t.Errorf("a stop: %v", errs)
	}
}

// failing is a data set whose images cannot be read.
type failing struct{ data.Dataset }

func (failing) Load(int) (*data.Sample, error) { return nil, errors.New("disk gone") }
