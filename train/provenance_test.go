package train

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

func readProvenance(t *testing.T, dir string) Provenance {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dir, provenanceFile))
	if err != nil {
		t.Fatal(err)
	}
	var p Provenance
	if err := json.Unmarshal(raw, &p); err != nil {
		t.Fatal(err)
	}
	return p
}

func writeProvenance(t *testing.T, dir string, p Provenance, resumedAt int) {
	t.Helper()
	if err := p.Write(dir, resumedAt); err != nil {
		t.Fatal(err)
	}
}

// A resumed run keeps what the first start wrote and lists each step it went on
// from; a new start writes everything anew.
func TestProvenanceOfAResumedRun(t *testing.T) {
	dir := t.TempDir()
	first := Provenance{Seed: 3, Backend: "go", Data: map[string]int{"train": 8}}
	first.Describe()
	if first.Go == "" || first.Platform == "" || len(first.Command) == 0 || first.Started.IsZero() {
		t.Errorf("the process is not described: %+v", first)
	}
	writeProvenance(t, dir, first, 0)
	writeProvenance(t, dir, Provenance{Seed: 4, Backend: "xla:cpu"}, 20)
	writeProvenance(t, dir, Provenance{Seed: 4}, 50)
	got := readProvenance(t, dir)
	if got.Seed != 3 || got.Backend != "go" || got.Data["train"] != 8 || !got.Started.Equal(first.Started) || fmt.Sprint(got.ResumedAt) != "[20 50]" {
		t.Errorf("after resuming twice: %+v", got)
	}
	writeProvenance(t, dir, Provenance{Seed: 5}, 0)
	if got := readProvenance(t, dir); got.Seed != 5 || got.ResumedAt != nil {
		t.Errorf("a new start: %+v", got)
	}
}

func TestProvenanceThatCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, provenanceFile), []byte("{"), 0o666); err != nil {
		t.Fatal(err)
	}
	writeProvenance(t, dir, Provenance{Seed: 4}, 20)
	if got := readProvenance(t, dir); got.Seed != 4 || fmt.Sprint(got.ResumedAt) != "[20]" {
		t.Errorf("%+v", got)
	}
	if err := (&Provenance{}).Write(filepath.Join(dir, "gone"), 0); err == nil {
		t.Error("no error for a folder that is not there")
	}
}
