package page

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// view is a report for the template.
type view struct {
	Content
	Several      bool // runs
	ByRun        bool // tables have a row for each of many runs
	Lead         []leadFigure
	Headline     []headlineRow
	Costs        *costTable
	Differences  table[Difference]
	OverSeeds    table[Spread]
	Curves       [][]chart // in groups that begin a line
	CurvesNote   string
	SideBySide   *sideBySide
	Matrices     []matrix
	Calibrations []calibration
	Galleries    []gallery
	Absent       string // sections that no run has, in a sentence
}

// leadFigure is a run's primary metric.
type leadFigure struct {
	Run, Note string
	Color     int
	Figure
}

// headlineRow is one metric of all runs.
type headlineRow struct {
	Name  string
	Cells []*Figure // by run, nil if a run has it not
	Strip *strip    // nil if the metric is no share
}

// table has a row for each group of runs and a column for each metric.
type table[T any] struct {
	Metrics []string
	Rows    []tableRow[T]
}

type tableRow[T any] struct {
	Name  string
	Cells []*T // as table.Metrics; nil if there is none
}

// add puts a cell into the row of a name and the column of a metric.
func (t *table[T]) add(name, metric string, cell *T) {
	column := slices.Index(t.Metrics, metric)
	if column < 0 {
		column = len(t.Metrics)
		t.Metrics = append(t.Metrics, metric)
	}
	row := slices.IndexFunc(t.Rows, func(r tableRow[T]) bool { return r.Name == name })
	if row < 0 {
		row = len(t.Rows)
		t.Rows = append(t.Rows, tableRow[T]{Name: name})
	}
	for i := range t.Rows {
		t.Rows[i].Cells = append(t.Rows[i].Cells, make([]*T, len(t.Metrics)-len(t.Rows[i].Cells))...)
	}
	t.Rows[row].Cells[column] = cell
}

// Clear says that zero is not in the interval.
func (d Difference) Clear() bool {
	return d.Low.finite() && d.High.finite() && (d.Low.Value > 0 || d.High.Value < 0)
}

// costTable is the training cost, by run and name.
type costTable struct {
	Names []string
	Runs  []costRow
}

type costRow struct {
	Run    string
	Color  int
	Values []string // as costTable.Names; empty if unknown
}

// maxColumns is the number of runs up to which tables have a column per run; beyond
// it they have a row per run.
const maxColumns = 3

// sideBySide compares the first column of the runs' class tables.
type sideBySide struct {
	Column string
	Runs   []string
	Rows   []ClassRow
}

// classView is a table of classes with bars in its first columns.
type classView struct {
	ClassTable
	Bars int
}

func newClassView(columns []string, rows []ClassRow, bars int) classView {
	return classView{ClassTable{columns, rows}, bars}
}

type calibration struct {
	*Calibration
	Run   string
	Chart chart
}

// gallery holds a run's examples.
type gallery struct {
	Run         string
	ErrorLegend []Swatch
	Examples    []drawnExample
}

type drawnExample struct {
	Example
	Pictures []picture
}

func newView(r Content) (*view, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	v := &view{Content: r, Several: len(r.Runs) > 1, ByRun: len(r.Runs) > maxColumns, Headline: headline(r.Runs), Costs: costs(r.Runs), Curves: curves(r), CurvesNote: caption(r.Runs),
		SideBySide: compareClasses(r.Runs)}
	for i, d := range r.Compared {
		v.Differences.add(d.A+" − "+d.B, d.Metric, &r.Compared[i])
	}
	for i, s := range r.Seeds {
		v.OverSeeds.add(strings.Join(s.Runs, ", "), s.Metric, &r.Seeds[i])
	}
	charts := calibrationCharts(r.Runs)
	for i, run := range r.Runs {
		if len(run.Headline) > 0 && !v.ByRun {
			v.Lead = append(v.Lead, leadFigure{run.Name, run.Note, i % len(runColors), run.Headline[0]})
		}
		if run.Confusion != nil {
			m, err := newMatrix(run)
			if err != nil {
				return nil, err
			}
			v.Matrices = append(v.Matrices, m)
		}
		if run.Calibration != nil {
			v.Calibrations = append(v.Calibrations, calibration{run.Calibration, run.Name, charts[len(v.Calibrations)]})
		}
		if len(run.Examples) > 0 {
			g, err := newGallery(run)
			if err != nil {
				return nil, err
			}
			v.Galleries = append(v.Galleries, g)
		}
	}
	v.Absent = v.absent()
	return v, nil
}

// check rejects content that would be shown wrongly.
func (r Content) check() error {
	if len(r.Runs) == 0 {
		return fmt.Errorf("page: report %q: no runs", r.Title)
	}
	names := map[string]bool{}
	for _, run := range r.Runs {
		if names[run.Name] {
			return fmt.Errorf("page: report %q: two runs named %q", r.Title, run.Name)
		}
		names[run.Name] = true
		for _, class := range run.Classes.Rows {
			if len(class.Values) != len(run.Classes.Columns) {
				return fmt.Errorf("page: run %q: class %q has %d values for %d columns", run.Name, class.Name, len(class.Values), len(run.Classes.Columns))
			}
		}
		if c := run.Confusion; c != nil && (len(c.Counts) != len(c.Truth) ||
			slices.ContainsFunc(c.Counts, func(row []float64) bool { return len(row) != len(c.Predicted) })) {
			return fmt.Errorf("page: run %q: confusion matrix is not of %d x %d counts", run.Name, len(c.Truth), len(c.Predicted))
		}
	}
	return nil
}

// headline has a row for each metric that a run has, in the order of their first
// appearance.
func headline(runs []Run) []headlineRow {
	var rows []headlineRow
	for i, run := range runs {
		for k := range run.Headline {
			f := &run.Headline[k]
			at := slices.IndexFunc(rows, func(r headlineRow) bool { return r.Name == f.Name })
			if at < 0 {
				at = len(rows)
				rows = append(rows, headlineRow{Name: f.Name, Cells: make([]*Figure, len(runs))})
			}
			rows[at].Cells[i] = f
		}
	}
	for i := range rows {
		rows[i].Strip = figureStrip(rows[i].Cells)
	}
	return rows
}

// costs has the facts that some run states, in the order of their first appearance.
func costs(runs []Run) *costTable {
	t := &costTable{}
	for _, r := range runs {
		for _, f := range r.Costs {
			if !slices.Contains(t.Names, f.Name) {
				t.Names = append(t.Names, f.Name)
			}
		}
	}
	for i, r := range runs {
		if len(r.Costs) == 0 {
			continue
		}
		row := costRow{Run: r.Name, Color: i % len(runColors), Values: make([]string, len(t.Names))}
		for _, f := range r.Costs {
			row.Values[slices.Index(t.Names, f.Name)] = f.Value
		}
		t.Runs = append(t.Runs, row)
	}
	if len(t.Names) == 0 {
		return nil
	}
	return t
}

// compareClasses is nil unless several runs have class tables with the same
// first column.
func compareClasses(runs []Run) *sideBySide {
	var with []Run
	for _, r := range runs {
		if len(r.Classes.Rows) > 0 && len(r.Classes.Columns) > 0 {
			with = append(with, r)
		}
	}
	if len(with) < 2 {
		return nil
	}
	s := &sideBySide{Column: with[0].Classes.Columns[0]}
	at := map[string]int{}
	for i, r := range with {
		if r.Classes.Columns[0] != s.Column {
			return nil
		}
		s.Runs = append(s.Runs, r.Name)
		for _, class := range r.Classes.Rows {
			id := fmt.Sprint(class.ID, class.Name)
			row, known := at[id]
			if !known {
				row = len(s.Rows)
				at[id] = row
				s.Rows = append(s.Rows, ClassRow{ID: class.ID, Name: class.Name, Kind: class.Kind, Values: make([]Number, len(with))})
			}
			s.Rows[row].Values[i] = class.Values[0]
		}
	}
	return s
}

func newGallery(r Run) (gallery, error) {
	g := gallery{Run: r.Name, ErrorLegend: r.ErrorLegend}
	for _, e := range r.Examples {
		drawn := drawnExample{Example: e}
		for i, img := range e.images() {
			if img == nil {
				continue
			}
			p, err := newPicture(pictureTitles[i], e.Image, img)
			if err != nil {
				return gallery{}, err
			}
			drawn.Pictures = append(drawn.Pictures, p)
		}
		g.Examples = append(g.Examples, drawn)
	}
	return g, nil
}

// absent names the sections without content.
func (v *view) absent() string {
	var names []string
	for _, section := range []struct {
		name  string
		there bool
	}{
		{"headline figures", len(v.Headline) > 0},
		{"training curves", len(v.Curves) > 0},
		{"a table of classes", slices.ContainsFunc(v.Runs, func(r Run) bool { return len(r.Classes.Rows) > 0 })},
		{"a confusion matrix", len(v.Matrices) > 0},
		{"example images", len(v.Galleries) > 0},
		{"calibration", len(v.Calibrations) > 0},
	} {
		if !section.there {
			names = append(names, section.name)
		}
	}
	return strings.Join(names, ", ")
}

// finite reports whether a number can be drawn.
func (n Number) finite() bool { return n.Key != "" && !math.IsNaN(n.Value) && !math.IsInf(n.Value, 0) }
