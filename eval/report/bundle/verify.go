package bundle

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"html"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"

	"eomt/eval/report"
	"eomt/eval/report/page"
)

// Verify computes every number of a report again from what its images count, and
// names each one that differs in the report. It returns how many there are.
// progress may be nil.
func Verify(ctx context.Context, dir string, progress func(done, total int)) (count int, differences []string, err error) {
	analysis, err := report.Recompute(ctx, dir, progress)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil, fmt.Errorf("%s is not a report folder: %w", dir, err)
	}
	if err != nil {
		return 0, nil, err
	}
	if differences, err = analysis.Verify(dir); err != nil {
		return 0, nil, err
	}
	text, err := os.ReadFile(filepath.Join(dir, page.File))
	if err != nil {
		return 0, nil, err
	}
	onPage, err := VerifyPage(analysis, text)
	return len(analysis.Numbers), append(differences, onPage...), err
}

// VerifyPage names the numbers of a page that differ from the computed ones.
func VerifyPage(a *report.Analysis, text []byte) (differences []string, err error) {
	printed, err := page.Printed(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	differ := func(format string, args ...any) {
		differences = append(differences, page.File+": "+fmt.Sprintf(format, args...))
	}
	keys := map[string]bool{}
	for _, p := range printed {
		keys[p.Key] = true
		v, kind, found := a.Lookup(p.Key)
		want := page.Number{Key: p.Key, Value: v, Form: form(kind)}.Shown()
		switch {
		case !found:
			differ("%s does not follow from %s", p.Key, report.PerImageFile)
		case p.Value != v && !(math.IsNaN(p.Value) && math.IsNaN(v)):
			differ("%s: value is %v, computed %v", p.Key, p.Value, v)
		case p.Shown != want:
			differ("%s: shown as %s, computed %s", p.Key, p.Shown, want)
		}
	}
	for _, r := range a.Runs {
		for _, m := range metrics[r.Task] {
			if key := report.Key(r.Name, m); !keys[key] {
				differ("%s is missing", key)
			}
		}
	}
	var want []string
	for _, p := range a.Published() {
		want = append(want, p.Model, p.Data, p.Metric, p.Value)
	}
	if got := publishedCells(text); !slices.Equal(got, want) {
		differ("the published figures are %q, want %q", got, want)
	}
	return differences, nil
}

var (
	publishedTable = regexp.MustCompile(`(?s)<div class="published">.*?<tbody>(.*?)</tbody>`)
	cell           = regexp.MustCompile(`<t[hd][^>]*>([^<]*)</t[hd]>`)
)

// publishedCells are the cells of the page's table of published figures.
func publishedCells(text []byte) []string {
	table := publishedTable.FindSubmatch(text)
	if table == nil {
		return nil
	}
	var cells []string
	for _, m := range cell.FindAllSubmatch(table[1], -1) {
		cells = append(cells, html.UnescapeString(string(m[1])))
	}
	return cells
}
