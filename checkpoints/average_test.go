package checkpoints

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"eomt/checkpoints/tensor"
)

// Averages have a file of their own, which evaluation reads without the other slots.
func TestAveragesHaveAFile(t *testing.T) {
	store := &Store{Dir: t.TempDir()}
	snapshot := snapshotAt(1)
	average := tensor.FromFloat32s(snapshot.Params[0].Name, snapshot.Params[0].Shape, make([]float32, snapshot.Params[0].Elements()))
	snapshot.Slots[AverageSlot] = []tensor.Tensor{average}
	dir, err := store.Save(snapshot)
	if err != nil {
		t.Fatal(err)
	}
	want := values(t, snapshot.Slots[AverageSlot])
	for name, load := range map[string]func(string) (*Loaded, error){"Load": Load, "LoadParams": LoadParams} {
		loaded, err := load(store.Dir)
		if err != nil {
			t.Fatal(err)
		}
		if got := values(t, loaded.Slots[AverageSlot]); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
		if n := len(loaded.Slots); n > 1 != (name == "Load") {
			t.Errorf("%s reads %d slots", name, n)
		}
		loaded.Close()
	}
	if err := os.Remove(filepath.Join(dir, optimizerFile)); err != nil {
		t.Fatal(err)
	}
	loaded, err := LoadParams(store.Dir)
	if err != nil {
		t.Fatalf("without the other slots: %v", err)
	}
	loaded.Close()
	if err := os.Remove(filepath.Join(dir, averageFile)); err != nil {
		t.Fatal(err)
	}
	var damage *CorruptError
	if _, err := LoadParams(store.Dir); !errors.As(err, &damage) || !strings.HasSuffix(damage.Path, averageFile) {
		t.Errorf("without averages: %v", err)
	}
}
