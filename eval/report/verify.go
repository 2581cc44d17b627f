package report

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Recompute reads per_image.parquet of a report folder and recomputes all numbers.
func Recompute(ctx context.Context, dir string, progress func(done, total int)) (*Analysis, error) {
	runs, c, err := ReadPerImage(dir)
	if err != nil {
		return nil, err
	}
	return Analyse(ctx, runs, c, progress)
}

// Verify compares results.parquet and tables.tex of a report folder with a, which was
// computed from its per_image.parquet, and names each difference.
func (a *Analysis) Verify(dir string) (differences []string, err error) {
	differences, err = a.verifyResults(dir)
	if err != nil {
		return nil, err
	}
	tables, err := a.verifyTables(dir)
	return append(differences, tables...), err
}

// verifyTables names the lines of dir's tables that differ from the computed ones.
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
			differences = append(differences, lineDifferences(i+1, string(g), string(w))...)
		}
	}
	return differences, nil
}

// lineDifferences names the numbers that differ in a line of the tables, or the line
// if other text differs.
func lineDifferences(number int, got, want string) []string {
	const end = ` \\ % `
	gotCells, gotKeys, _ := strings.Cut(got, end)
	wantCells, wantKeys, has := strings.Cut(want, end)
	g, w, keys := strings.Split(gotCells, " & "), strings.Split(wantCells, " & "), strings.Fields(wantKeys)
	if !has || gotKeys != wantKeys || len(g) != len(w) {
		return []string{fmt.Sprintf("%s: line %d is %q, computed %q", TablesFile, number, got, want)}
	}
	var differences []string
	for i := range w {
		name := w[0]
		if k := i - (len(w) - len(keys)); k >= 0 {
			name = keys[k]
		}
		if g[i] != w[i] {
			differences = append(differences, fmt.Sprintf("%s: line %d: %s is %s, computed %s", TablesFile, number, name, g[i], w[i]))
		}
	}
	return differences
}
