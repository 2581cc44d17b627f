package report

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// Recompute reads per_image.parquet of a report's folder and computes all numbers
// again as they were computed first.
func Recompute(ctx context.Context, dir string, progress func(done, total int)) (*Analysis, error) {
	runs, c, err := ReadPerImage(dir)
	if err != nil {
		return nil, err
	}
	return Analyse(ctx, runs, c, progress)
}

// Verify compares results.parquet and tables.tex of a report's folder with what
// follows from its per_image.parquet, which a was computed from, and names each
// difference.
func (a *Analysis) Verify(dir string) (differences []string, err error) {
	differences, err = a.verifyResults(dir)
	if err != nil {
		return nil, err
	}
	tables, err := a.verifyTables(dir)
	return append(differences, tables...), err
}

// verifyTables names the lines of dir's tables that are not as computed.
func (a *Analysis) verifyTables(dir string) (differences []string, err error) {
	path := filepath.Join(dir, TablesFile)
	stored, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	got, want := bytes.Split(stored, []byte("\n")), bytes.Split(a.tables(), []byte("\n"))
	for i := range max(len(got), len(want)) {
		var g, w []byte
		if i < len(got) {
			g = got[i]
		}
		if i < len(want) {
			w = want[i]
		}
		if !bytes.Equal(g, w) {
			differences = append(differences, fmt.Sprintf("%s: line %d is %q, computed %q", TablesFile, i+1, g, w))
		}
	}
	return differences, nil
}
