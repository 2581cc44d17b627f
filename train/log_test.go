package train

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A line in the middle of the log that cannot be read costs that line alone, and the
// file as it was is kept; a last one is a write that was cut off.
func TestDamagedLog(t *testing.T) {
	line := func(step int) string { return fmt.Sprintf(`{"step":%d,"loss":%d}`, step, step) }
	long := `{"step":` + strings.Repeat("9", 2<<20)
	for _, test := range []struct {
		name  string
		lines []string
		want  string
		kept  bool
	}{
		{"whole", []string{line(1), line(2), line(3), ""}, "[1 2 3]", false},
		{"last cut off", []string{line(1), line(2), `{"step":3,"lo`}, "[1 2]", false},
		{"last without its newline", []string{line(1), line(2)}, "[1 2]", false},
		{"middle", []string{line(1), `{"step":2,"lo`, line(3), ""}, "[1 3]", true},
		{"middle, long", []string{line(1), long, line(3), ""}, "[1 3]", true},
		{"middle, no entry", []string{line(1), "null", line(3), ""}, "[1 3]", true},
		{"empty", nil, "[]", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			before := []byte(strings.Join(test.lines, "\n"))
			path := filepath.Join(dir, metricsFile)
			if err := os.WriteFile(path, before, 0o666); err != nil {
				t.Fatal(err)
			}
			r, err := openRecord(dir, 3, nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
			entries, err := ReadEntries(dir)
			steps := []int{}
			for _, e := range entries {
				steps = append(steps, e.Step)
			}
			if err != nil || fmt.Sprint(steps) != test.want {
				t.Errorf("steps %v, %v, want %s", steps, err, test.want)
			}
			after, err := os.ReadFile(path + ".damaged-1")
			if test.kept != (err == nil) || test.kept && !bytes.Equal(after, before) {
				t.Errorf("kept aside: %v, want %v", err, test.kept)
			}
		})
	}
}

func TestLogThatIsNotThere(t *testing.T) {
	if _, err := ReadEntries(t.TempDir()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

// Whatever a log holds, what is kept of it reads back as it was, without damage.
func FuzzParseLog(f *testing.F) {
	f.Add([]byte("{\"step\":1}\n{\"st\n{\"step\":3}\n"))
	f.Add([]byte("null\n\n[]\n{\"step\":-1}"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		first := parseLog(raw)
		second := parseLog(bytes.Join(first.lines, []byte{'\n'}))
		if len(second.damaged) > 0 || len(second.entries) != len(first.entries) {
			t.Errorf("%q: %d entries, read back %d with damaged lines %v", raw, len(first.entries), len(second.entries), second.damaged)
		}
	})
}
