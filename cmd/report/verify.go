package main

import (
	"bytes"
	"context"
	"fmt"
	"html"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sync"

	"eomt/cmd/report/page"
	"eomt/eval/report"
	"eomt/internal/progress"
)

// pageFile is what package page writes.
const pageFile = "report.html"

// verify computes every number of a report again from what its images count, and
// names each one that the report has otherwise. It returns how many there are.
func verify(ctx context.Context, dir string) (count int, differences []string, err error) {
	var bar *progress.Progress
	var started sync.Once
	analysis, err := report.Recompute(ctx, dir, func(done, total int) {
		started.Do(func() { bar = progress.Start("bootstrap", total) })
		bar.Set(done, "")
	})
	if bar != nil {
		bar.Finish()
	}
	if absent(err) {
		return 0, nil, fmt.Errorf("%s is no folder of a report: %w", dir, err)
	}
	if err != nil {
		return 0, nil, err
	}
	if differences, err = analysis.Verify(dir); err != nil {
		return 0, nil, err
	}
	text, err := os.ReadFile(filepath.Join(dir, pageFile))
	if err != nil {
		return 0, nil, err
	}
	onPage, err := verifyPage(analysis, text)
	return len(analysis.Numbers), append(differences, onPage...), err
}

// verifyPage names the numbers that a page prints otherwise than computed.
func verifyPage(a *report.Analysis, text []byte) (differences []string, err error) {
	printed, err := page.Printed(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	differ := func(format string, args ...any) {
		differences = append(differences, pageFile+": "+fmt.Sprintf(format, args...))
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
	for _, p := range report.PublishedFigures(a.Runs[0].Task) {
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
