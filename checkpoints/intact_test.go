package checkpoints

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"eomt/checkpoints/tensor"
)

// spoil changes the last byte of a checkpoint's file.
func spoil(t *testing.T, folder, name string) {
	t.Helper()
	path := filepath.Join(folder, name)
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	content[len(content)-1] ^= 1
	if err := os.WriteFile(path, content, 0o666); err != nil {
		t.Fatal(err)
	}
}

// A damaged checkpoint is stepped over to the newest intact one before it; what
// was stepped over is named and stays where it is.
func TestLoadIntactStepsOverDamage(t *testing.T) {
	store := &Store{Dir: filepath.Join(t.TempDir(), "checkpoints")}
	for _, step := range []int{1, 2, 3} {
		mustSave(t, store, step)
	}
	for _, damage := range []struct {
		step    int
		file    string
		want    int // the step that is loaded then, 0 for none
		stepped []string
	}{
		{3, optimizerFile, 2, []string{stepName(3)}},
		{2, stateFile, 1, []string{stepName(3), stepName(2)}},
		{1, paramsFile, 0, []string{stepName(3), stepName(2), stepName(1)}},
	} {
		spoil(t, filepath.Join(store.Dir, stepName(damage.step)), damage.file)
		for _, path := range []string{filepath.Dir(store.Dir), store.Dir, filepath.Join(store.Dir, Latest)} {
			l, damaged, err := LoadIntact(path)
			if damage.want == 0 {
				var corrupt *CorruptError
				if !errors.As(err, &corrupt) || strings.Count(err.Error(), "is damaged") != 3 {
					t.Errorf("no intact checkpoint: %v", err)
				}
			} else if err != nil {
				t.Fatal(err)
			} else {
				if l.State.Step != damage.want {
					t.Errorf("loaded step %d, want %d", l.State.Step, damage.want)
				}
				l.Close()
			}
			if len(damaged) != len(damage.stepped) {
				t.Fatalf("stepped over %v, want %v", damaged, damage.stepped)
			}
			for i, one := range damaged {
				if !strings.Contains(one.Path, damage.stepped[i]) {
					t.Errorf("stepped over %s, want %s", one.Path, damage.stepped[i])
				}
			}
		}
	}
	wantEntries(t, store.Dir, "latest", stepName(1), stepName(2), stepName(3))
}

// A checkpoint of which any file is missing is damage like any other, and the
// error names the file once.
func TestLoadIntactStepsOverMissingFiles(t *testing.T) {
	for _, file := range []string{stateFile, paramsFile, optimizerFile, sumsFile} {
		store := &Store{Dir: filepath.Join(t.TempDir(), "checkpoints")}
		mustSave(t, store, 1)
		gone := filepath.Join(mustSave(t, store, 2), file)
		if err := os.Remove(gone); err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{filepath.Dir(store.Dir), store.Dir, filepath.Join(store.Dir, Latest), filepath.Dir(gone)} {
			l, damaged, err := LoadIntact(path)
			if err != nil {
				t.Fatalf("%s missing: %v", file, err)
			}
			if l.State.Step != 1 || len(damaged) != 1 || filepath.Base(damaged[0].Path) != file || damaged[0].Reason != "no such file or directory" {
				t.Errorf("%s missing: loaded step %d, stepped over %v", file, l.State.Step, damaged)
			}
			l.Close()
		}
	}
}

func TestLoadIntactWithoutDamage(t *testing.T) {
	store := &Store{Dir: t.TempDir()}
	if _, _, err := LoadIntact(store.Dir); !errors.Is(err, ErrNone) {
		t.Errorf("no checkpoint: %v", err)
	}
	mustSave(t, store, 4)
	l, damaged, err := LoadIntact(store.Dir)
	if err != nil || len(damaged) != 0 || l.State.Step != 4 {
		t.Fatalf("%v, %v", damaged, err)
	}
	l.Close()
}

// Slots are kept by name; a name that could not be told from a parameter's is refused.
func TestSlotsByName(t *testing.T) {
	store := &Store{Dir: t.TempDir()}
	snapshot := snapshotAt(1)
	snapshot.Slots["ema"] = []tensor.Tensor{tensor.FromFloat32s("q.weight", []int{2, 2}, []float32{9, 8, 7, 6})}
	path, err := store.Save(snapshot)
	if err != nil {
		t.Fatal(err)
	}
	l, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if len(l.Slots) != 3 || len(l.Slots["ema"]) != 1 || l.Slots["ema"][0].Name != "q.weight" {
		t.Errorf("slots %v", l.Slots)
	}
	snapshot.State.Step = 2
	snapshot.Slots["e.ma"] = nil
	if _, err := store.Save(snapshot); err == nil || !strings.Contains(err.Error(), `slot "e.ma": want a name without a dot`) {
		t.Errorf("a dot in a slot's name: %v", err)
	}
}

// A newest checkpoint whose folder is gone is stepped over and said; where it was the
// only one, nothing may be mistaken for a run that has not begun.
func TestLostLatest(t *testing.T) {
	store := &Store{Dir: filepath.Join(t.TempDir(), "checkpoints")}
	first, second := mustSave(t, store, 1), mustSave(t, store, 2)
	if err := os.RemoveAll(second); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{filepath.Dir(store.Dir), store.Dir} {
		l, damaged, err := LoadIntact(path)
		if err != nil || l.State.Step != 1 || len(damaged) != 1 || damaged[0].Path != second || damaged[0].Reason != "the folder is missing" {
			t.Fatalf("%v, %v", damaged, err)
		}
		l.Close()
	}
	if err := os.RemoveAll(first); err != nil {
		t.Fatal(err)
	}
	_, _, err := LoadIntact(store.Dir)
	if err == nil || errors.Is(err, ErrNone) || !strings.Contains(err.Error(), second+" is damaged: the folder is missing") {
		t.Errorf("the only checkpoint is gone: %v", err)
	}
}

func TestCheckBest(t *testing.T) {
	store := &Store{Dir: t.TempDir()}
	first, second := mustSave(t, store, 1), mustSave(t, store, 2)
	if d := CheckBest(second); d != nil {
		t.Errorf("no best is marked: %v", d)
	}
	if err := store.MarkBest(1); err != nil {
		t.Fatal(err)
	}
	if d := CheckBest(second); d != nil {
		t.Errorf("an intact best: %v", d)
	}
	params := filepath.Join(first, paramsFile)
	if err := os.Truncate(params, 10); err != nil {
		t.Fatal(err)
	}
	if d := CheckBest(second); d == nil || d.Path != params {
		t.Errorf("a truncated best: %v", d)
	}
	if err := os.RemoveAll(first); err != nil {
		t.Fatal(err)
	}
	if d := CheckBest(second); d == nil || d.Path != first || d.Reason != "the folder is missing" {
		t.Errorf("a best that is gone: %v", d)
	}
}
