package train

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"eomt/internal/atomicfile"
)

// metricsLog is the content of metrics.jsonl.
type metricsLog struct {
	entries []Entry
	lines   [][]byte // raw lines, one per entry, without the newline
	damaged []int    // numbers, from 1, of lines that are not entries, except a truncated last one
	cut     bool     // the last line is truncated
}

// readLog reads metrics.jsonl of a run folder. An unreadable last line is a truncated
// write; an earlier one is damage, which costs that line only.
func readLog(dir string) (metricsLog, error) {
	raw, err := os.ReadFile(filepath.Join(dir, metricsFile))
	if err != nil {
		return metricsLog{}, fmt.Errorf("train: log: %w", err)
	}
	return parseLog(raw), nil
}

func parseLog(raw []byte) (l metricsLog) {
	lines := bytes.Split(bytes.TrimRight(raw, "\n"), []byte{'\n'})
	for i, line := range lines {
		var e Entry
		switch err := json.Unmarshal(line, &e); {
		case err == nil && e.Step > 0:
			l.entries, l.lines = append(l.entries, e), append(l.lines, line)
		case i < len(lines)-1:
			l.damaged = append(l.damaged, i+1)
		case len(line) > 0:
			l.cut = true
		}
	}
	return l
}

// ReadEntries returns the entries of a run folder's metrics.jsonl in order, skipping
// unreadable lines. If the folder has no log, the error wraps [fs.ErrNotExist].
func ReadEntries(dir string) ([]Entry, error) {
	l, err := readLog(dir)
	return l.entries, err
}

// backUpLog copies a damaged log to a free name in the same folder, for inspection.
func backUpLog(dir string) (string, error) {
	raw, err := os.ReadFile(filepath.Join(dir, metricsFile))
	if err != nil {
		return "", err
	}
	for n := 1; ; n++ {
		path := filepath.Join(dir, fmt.Sprintf("%s.damaged-%d", metricsFile, n))
		if _, err := os.Lstat(path); err == nil {
			continue
		}
		return path, atomicfile.WriteBytes(path, raw)
	}
}
