package train

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func writeProvenance(t *testing.T, dir string, p Provenance) *Provenance {
	t.Helper()
	if err := p.Write(dir); err != nil {
		t.Fatal(err)
	}
	got, err := ReadProvenance(dir)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// A resumed run keeps what the first start wrote and adds what each later one ran as;
// a new start replaces it all.
func TestProvenanceOfAResumedRun(t *testing.T) {
	dir := t.TempDir()
	first := Provenance{Start: ThisStart(0, "go", []string{"cpu"}), Seed: 3, Data: map[string]int{"train": 8}}
	if first.Go == "" || first.Platform == "" || len(first.Command) == 0 || first.Started.IsZero() || first.Commit == "" {
		t.Errorf("the process is not described: %+v", first)
	}
	writeProvenance(t, dir, first)
	second := Start{Step: 20, Command: []string{"train", "-resume", "-set", "train.lr=1"}, Commit: "b", Backend: "xla:cpu"}
	writeProvenance(t, dir, Provenance{Start: second, Seed: 4})
	got := writeProvenance(t, dir, Provenance{Start: Start{Step: 50, Commit: "c", Dirty: true}})
	if got.Seed != 3 || got.Backend != "go" || got.Data["train"] != 8 || !got.Started.Equal(first.Started) {
		t.Errorf("the first start's facts are lost: %+v", got)
	}
	starts := got.Starts()
	if len(starts) != 3 || starts[1].Commit != "b" || starts[1].Backend != "xla:cpu" || strings.Join(starts[1].Command, " ") != "train -resume -set train.lr=1" ||
		starts[2].Step != 50 || starts[2].Commit != "c" || !starts[2].Dirty {
		t.Errorf("starts: %+v", starts)
	}
	if got := writeProvenance(t, dir, Provenance{Seed: 5}); got.Seed != 5 || got.Resumes != nil {
		t.Errorf("a new start: %+v", got)
	}
}

// The first start's facts stand at the top level, where scripts read them.
func TestProvenanceKeys(t *testing.T) {
	dir := t.TempDir()
	writeProvenance(t, dir, Provenance{Start: ThisStart(0, "go", []string{"cpu"})})
	raw, err := os.ReadFile(filepath.Join(dir, provenanceFile))
	if err != nil {
		t.Fatal(err)
	}
	var keys map[string]any
	if err := json.Unmarshal(raw, &keys); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"commit", "dirty", "modules", "backend", "devices", "command", "seed", "data"} {
		if _, ok := keys[key]; !ok {
			t.Errorf("no key %s in %s", key, raw)
		}
	}
}

// A run folder of an earlier version lists the steps it resumed after.
func TestProvenanceOfAnEarlierVersion(t *testing.T) {
	dir := t.TempDir()
	old := `{"command": ["train"], "commit": "a", "seed": 3, "parameters": 9, "resumed_at": [20, 50]}`
	if err := os.WriteFile(filepath.Join(dir, provenanceFile), []byte(old), 0o666); err != nil {
		t.Fatal(err)
	}
	got := writeProvenance(t, dir, Provenance{Start: Start{Step: 70, Commit: "b"}})
	var steps []int
	for _, s := range got.Starts() {
		steps = append(steps, s.Step)
	}
	if got.Commit != "a" || got.Parameters != 9 || fmt.Sprint(steps) != "[0 20 50 70]" || got.Starts()[3].Commit != "b" {
		t.Errorf("%+v", got)
	}
}

func TestProvenanceThatCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	if _, err := ReadProvenance(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("none there: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, provenanceFile), []byte("{"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadProvenance(dir); err == nil || !strings.Contains(err.Error(), provenanceFile) {
		t.Errorf("damaged: %v", err)
	}
	if got := writeProvenance(t, dir, Provenance{Start: Start{Step: 20}, Seed: 4}); got.Seed != 4 || got.Step != 20 {
		t.Errorf("%+v", got)
	}
	if err := (Provenance{}).Write(filepath.Join(dir, "gone")); err == nil {
		t.Error("no error for a folder that is not there")
	}
}
