package checkpoints

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"eomt/arch"
	"eomt/checkpoints/tensor"
)

// snapshotAt is a small snapshot whose values tell its step.
func snapshotAt(step int) Snapshot {
	named := func(offset float32) []tensor.Tensor {
		return []tensor.Tensor{
			tensor.FromFloat32s("backbone.norm.weight", []int{3}, []float32{offset, float32(step), -1}),
			tensor.FromFloat32s("q.weight", []int{2, 2}, []float32{offset, float32(step), 3, 4}),
		}
	}
	return Snapshot{
		State: State{
			Step: step, Epoch: 1, Position: 7, Seed: 1 << 63, RNG: []uint64{1, 1<<64 - 1}, ConfigHash: "abc",
			Architecture: &arch.Architecture{Kind: arch.DINOv2, Width: 64, Grid: [2]int{2, 3}},
			Best:         &Metric{Name: "pq", Value: .1 + .2, Step: step},
		},
		Params: named(0), Slots: map[string][]tensor.Tensor{"first": named(1), "second": named(2)},
	}
}

// values flattens tensors to a comparable form.
func values(t *testing.T, tensors []tensor.Tensor) map[string][]float32 {
	t.Helper()
	all := map[string][]float32{}
	for _, one := range tensors {
		v, err := one.Float32s()
		if err != nil {
			t.Fatal(err)
		}
		all[fmt.Sprint(one.Name, one.Shape)] = v
	}
	return all
}

func mustSave(t *testing.T, s *Store, step int) string {
	t.Helper()
	path, err := s.Save(snapshotAt(step))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// wantLoads fails unless path loads as snapshotAt(step), whole.
func wantLoads(t *testing.T, path string, step int) {
	t.Helper()
	got, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	defer got.Close()
	want := snapshotAt(step)
	if diff := cmp.Diff(want.State, got.State); diff != "" {
		t.Errorf("state differs (-want +got):\n%s", diff)
	}
	for _, part := range []struct {
		name      string
		want, got []tensor.Tensor
	}{{"params", want.Params, got.Params}, {"first", want.Slots["first"], got.Slots["first"]}, {"second", want.Slots["second"], got.Slots["second"]}} {
		if diff := cmp.Diff(values(t, part.want), values(t, part.got)); diff != "" {
			t.Errorf("%s differ (-want +got):\n%s", part.name, diff)
		}
	}
}

func TestSaveThenLoad(t *testing.T) {
	run := t.TempDir()
	store := &Store{Dir: filepath.Join(run, "checkpoints"), Keep: 2}
	path := mustSave(t, store, 5)
	for _, from := range []string{path, store.Dir, run, filepath.Join(store.Dir, Latest)} {
		wantLoads(t, from, 5)
	}
	params, err := LoadParams(run)
	if err != nil {
		t.Fatal(err)
	}
	defer params.Close()
	if len(params.Params) != 2 || params.Slots != nil {
		t.Errorf("LoadParams gives %d tensors and %d slots, want 2 and 0", len(params.Params), len(params.Slots))
	}
}

func TestSaveReplacesTheSameStep(t *testing.T) {
	store := &Store{Dir: t.TempDir()}
	mustSave(t, store, 5)
	again := snapshotAt(5)
	again.State.Epoch = 9
	path, err := store.Save(again)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	defer got.Close()
	if got.State.Epoch != 9 {
		t.Errorf("epoch %d after the second save, want 9", got.State.Epoch)
	}
	wantEntries(t, store.Dir, "latest", "step-00000005")
}

func TestRetentionKeepsNewestAndBest(t *testing.T) {
	store := &Store{Dir: t.TempDir(), Keep: 2}
	for step := range 6 {
		mustSave(t, store, step)
		if step == 1 {
			if err := store.MarkBest(1); err != nil {
				t.Fatal(err)
			}
		}
	}
	wantEntries(t, store.Dir, "best", "latest", "step-00000001", "step-00000004", "step-00000005")
	wantLoads(t, filepath.Join(store.Dir, Best), 1)

	// A run resumed from step 1 leaves the later steps alone and moves latest.
	mustSave(t, store, 2)
	wantEntries(t, store.Dir, "best", "latest", "step-00000001", "step-00000002", "step-00000004", "step-00000005")
	wantLoads(t, store.Dir, 2)
}

// A run that is killed while it removes an old checkpoint leaves nothing that
// looks like a checkpoint, and the next save clears the rest away.
func TestKilledWhileRemovingAnOldCheckpoint(t *testing.T) {
	store := &Store{Dir: t.TempDir(), Keep: 1}
	mustSave(t, store, 1)
	killed := errors.New("killed")
	store.remove = func(path string) error {
		if err := os.Remove(filepath.Join(path, stateFile)); err != nil {
			t.Error(err)
		}
		return killed
	}
	if _, err := store.Save(snapshotAt(2)); !errors.Is(err, killed) {
		t.Fatalf("save: %v", err)
	}
	if steps, err := Steps(store.Dir); err != nil || !slices.Equal(steps, []int{2}) {
		t.Errorf("steps %v, %v, want 2 alone", steps, err)
	}
	wantLoads(t, store.Dir, 2)
	store.remove = nil
	mustSave(t, store, 3)
	wantEntries(t, store.Dir, "latest", stepName(3))
}

func TestMarkBestNeedsTheCheckpoint(t *testing.T) {
	store := &Store{Dir: t.TempDir()}
	if err := store.MarkBest(3); err == nil || !strings.Contains(err.Error(), "step 3") {
		t.Errorf("MarkBest of a step never saved: %v", err)
	}
}

// wantEntries fails unless dir holds just these names.
func wantEntries(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, entry := range entries {
		got = append(got, entry.Name())
	}
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%s holds %v, want %v", dir, got, want)
	}
}

// failingFile fails one operation of a real file.
type failingFile struct {
	*os.File
	budget int // bytes that may still be written
	noSync bool
}

var errDisk = errors.New("no space left on device")

func (f *failingFile) Write(p []byte) (int, error) {
	if len(p) > f.budget {
		n, _ := f.File.Write(p[:f.budget])
		f.budget = 0
		return n, errDisk
	}
	f.budget -= len(p)
	return f.File.Write(p)
}

func (f *failingFile) Sync() error {
	if f.noSync {
		return errDisk
	}
	return f.File.Sync()
}

func TestFailedSaveLeavesThePreviousCheckpoint(t *testing.T) {
	store := &Store{Dir: t.TempDir(), Keep: 1}
	mustSave(t, store, 1)
	for _, file := range []string{paramsFile, optimizerFile, stateFile, sumsFile} {
		for _, fault := range []string{"create", "write", "sync"} {
			for _, step := range []int{1, 2} {
				store.create = func(path string) (syncWriter, error) {
					if filepath.Base(path) != file {
						return os.Create(path)
					}
					if fault == "create" {
						return nil, errDisk
					}
					f, err := os.Create(path)
					budget := 1 << 20
					if fault == "write" {
						budget = 10
					}
					return &failingFile{f, budget, fault == "sync"}, err
				}
				_, err := store.Save(snapshotAt(step))
				if !errors.Is(err, errDisk) {
					t.Fatalf("%s of %s failed, Save says %v", fault, file, err)
				}
				if want := fmt.Sprintf("save step %d in %s", step, store.Dir); !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not say %q", err, want)
				}
				wantEntries(t, store.Dir, "latest", "step-00000001")
				wantLoads(t, store.Dir, 1)
			}
		}
	}
}

func TestTensorThatCannotBeReadFailsTheSave(t *testing.T) {
	store := &Store{Dir: t.TempDir()}
	mustSave(t, store, 1)
	broken := snapshotAt(2)
	broken.Slots["second"][1] = tensor.Lazy("q.weight", tensor.Float32, []int{2, 2}, func() ([]byte, error) { return nil, errDisk })
	if _, err := store.Save(broken); !errors.Is(err, errDisk) {
		t.Errorf("Save of an unreadable tensor: %v", err)
	}
	wantLoads(t, store.Dir, 1)
}

func TestLeftoversOfAKilledRun(t *testing.T) {
	store := &Store{Dir: t.TempDir()}
	mustSave(t, store, 1)
	half := filepath.Join(store.Dir, partPrefix+stepName(2))
	if err := os.MkdirAll(filepath.Join(half, "x"), 0o777); err != nil {
		t.Fatal(err)
	}
	wantLoads(t, store.Dir, 1)

	// Killed between moving the old step aside and moving the new one in.
	if err := os.Rename(filepath.Join(store.Dir, stepName(1)), filepath.Join(store.Dir, oldPrefix+stepName(1))); err != nil {
		t.Fatal(err)
	}
	wantLoads(t, store.Dir, 1)
	mustSave(t, store, 2)
	wantEntries(t, store.Dir, "latest", "step-00000001", "step-00000002")
}

func TestLatestLinkLost(t *testing.T) {
	store := &Store{Dir: t.TempDir()}
	mustSave(t, store, 1)
	mustSave(t, store, 12)
	if err := os.Remove(filepath.Join(store.Dir, Latest)); err != nil {
		t.Fatal(err)
	}
	wantLoads(t, store.Dir, 12)
}

func TestLoadWhereNothingIs(t *testing.T) {
	for _, path := range []string{t.TempDir(), filepath.Join(t.TempDir(), "absent")} {
		_, err := Load(path)
		if !errors.Is(err, ErrNone) || !strings.Contains(err.Error(), path) {
			t.Errorf("Load(%s): %v", path, err)
		}
	}
}

// TestDamageIsFound changes, cuts and lengthens every file at random places.
func TestDamageIsFound(t *testing.T) {
	store := &Store{Dir: t.TempDir()}
	path := mustSave(t, store, 1)
	rapid.Check(t, func(rt *rapid.T) {
		name := rapid.SampledFrom([]string{paramsFile, optimizerFile, stateFile, sumsFile}).Draw(rt, "file")
		file := filepath.Join(path, name)
		whole, err := os.ReadFile(file)
		if err != nil {
			rt.Fatal(err)
		}
		defer os.WriteFile(file, whole, 0o666)
		damaged := slices.Clone(whole)
		at := rapid.IntRange(0, len(whole)-1).Draw(rt, "byte")
		switch rapid.IntRange(0, 2).Draw(rt, "damage") {
		case 0:
			damaged[at] ^= byte(rapid.IntRange(1, 255).Draw(rt, "bits"))
		case 1:
			damaged = damaged[:at]
		case 2:
			damaged = slices.Insert(damaged, at, 'x')
		}
		if err := os.WriteFile(file, damaged, 0o666); err != nil {
			rt.Fatal(err)
		}
		loaded, err := Load(path)
		var corrupt *CorruptError
		if err == nil {
			// Only the list of sums may lose its last newline unnoticed: every sum is still there.
			if name == sumsFile && slices.Equal(damaged, whole[:len(whole)-1]) {
				loaded.Close()
				return
			}
			rt.Fatalf("%s loaded although damaged", name)
		}
		if !errors.As(err, &corrupt) || !strings.Contains(err.Error(), path) {
			rt.Fatalf("damage of %s reported as %v", name, err)
		}
	})
}

// BenchmarkSave writes a checkpoint of 192 MB: parameters of 64 MB and their moments.
func BenchmarkSave(b *testing.B) {
	large := snapshotAt(1)
	values := tensor.FromFloat32s("large", []int{1 << 24}, make([]float32, 1<<24))
	large.Params = []tensor.Tensor{values}
	large.Slots = map[string][]tensor.Tensor{"first": {values}, "second": {values}}
	store := &Store{Dir: b.TempDir(), Keep: 1}
	b.SetBytes(3 << 26)
	for b.Loop() {
		if _, err := store.Save(large); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkLoad verifies and reads it again.
func BenchmarkLoad(b *testing.B) {
	large := snapshotAt(1)
	values := tensor.FromFloat32s("large", []int{1 << 24}, make([]float32, 1<<24))
	large.Params = []tensor.Tensor{values}
	large.Slots = map[string][]tensor.Tensor{"first": {values}, "second": {values}}
	path, err := (&Store{Dir: b.TempDir()}).Save(large)
	if err != nil {
		b.Fatal(err)
	}
	into := make([]float32, 1<<24)
	b.SetBytes(3 << 26)
	for b.Loop() {
		loaded, err := Load(path)
		if err != nil {
			b.Fatal(err)
		}
		for _, part := range [][]tensor.Tensor{loaded.Params, loaded.Slots["first"], loaded.Slots["second"]} {
			if err := part[0].ReadFloat32s(into); err != nil {
				b.Fatal(err)
			}
		}
		loaded.Close()
	}
}
