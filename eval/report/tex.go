package report

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"strings"
	"unicode"

	"eomt/eval"
	"eomt/internal/lettering"
)

// TablesFile is the name of the LaTeX tables.
const TablesFile = "tables.tex"

// overall are the figures of the first table, by task.
var overall = map[eval.Task][]string{
	eval.Panoptic: {"PQ", "SQ", "RQ", "PQ_things", "PQ_stuff"},
	eval.Instance: {"AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100"},
	eval.Semantic: {"mIoU", "mIoU_present", "pixel_accuracy", "mean_accuracy", "frequency_weighted_IoU"},
}

// classMetric is the figure of the per-class table, by task.
var classMetric = map[eval.Task]string{eval.Panoptic: "PQ", eval.Instance: "AP", eval.Semantic: "IoU"}

// WriteTables writes the LaTeX tables into dir: overall figures and classes with
// their 95 % intervals, differences between runs, means over seeds, and the
// published figures apart. Comments name the keys of each line's numbers. The
// file appears whole or not at all.
func (a *Analysis) WriteTables(dir string) error {
	return write(filepath.Join(dir, TablesFile), func(w io.Writer) error {
		_, err := w.Write(a.tables())
		return err
	})
}

func (a *Analysis) tables() []byte {
	t := &tables{analysis: a, task: a.Runs[0].Task}
	t.linef("%% Needs \\usepackage{booktabs,longtable}. Percent; in brackets 95 %% intervals,")
	t.linef("%% percentiles of %d resamples of the images (seed %d). The comment at the", a.Bootstrap.Resamples, a.Bootstrap.Seed)
	t.linef("%% end of a line has the keys of its numbers in %s.", ResultsFile)
	if !t.latin() {
		t.linef("%% Names have letters that pdfLaTeX's fonts lack: compile with LuaLaTeX or XeLaTeX,")
		t.linef("%% with \\usepackage{fontspec} and \\setmainfont of a font that has them.")
	}
	t.overall()
	t.classes()
	t.pairs()
	t.seeds()
	t.published()
	return t.out.Bytes()
}

// tables writes one after the other.
type tables struct {
	analysis *Analysis
	task     eval.Task
	out      bytes.Buffer
}

func (t *tables) linef(format string, args ...any) { fmt.Fprintf(&t.out, format+"\n", args...) }

// latin reports whether every engine's fonts have the letters of all names.
func (t *tables) latin() bool {
	for _, r := range t.analysis.Runs {
		if !lettering.IsLatin(escapeTeX(r.Name + strings.Join(r.labels(), ""))) {
			return false
		}
	}
	return true
}

// line is a row of a table: a name, then numbers.
type line struct {
	cells, keys []string
}

func (l *line) text(s string) { l.cells = append(l.cells, escapeTeX(s)) }

// number adds a number with its interval, if it has one.
func (l *line) number(n Number) {
	cell := n.Kind.tex(n.Value)
	if strings.HasPrefix(cell, "-") || strings.HasPrefix(cell, "+") {
		cell = "$" + cell + "$"
	}
	if !math.IsNaN(n.Low) && !math.IsNaN(n.High) {
		cell += fmt.Sprintf(` {\scriptsize [$%s$, $%s$]}`, n.Kind.tex(n.Low), n.Kind.tex(n.High))
	}
	l.cells, l.keys = append(l.cells, cell), append(l.keys, n.Key())
}

func (t *tables) row(l line) {
	comment := ""
	if len(l.keys) > 0 {
		comment = " % " + strings.Join(l.keys, " ")
	}
	t.linef(`%s \\%s`, strings.Join(l.cells, " & "), comment)
}

// begin opens a table of a text column and numbers.
func (t *tables) begin(title, environment string, columns ...string) {
	t.linef("\n%% %s", title)
	t.linef(`\begin{%s}{l%s}`, environment, strings.Repeat("r", len(columns)-1))
	t.linef(`\toprule`)
	head := line{}
	for _, c := range columns {
		head.text(c)
	}
	t.row(head)
	t.linef(`\midrule`)
	if environment == "longtable" {
		t.linef(`\endhead`)
	}
}

func (t *tables) end(environment string) {
	t.linef(`\bottomrule`)
	t.linef(`\end{%s}`, environment)
}

func (t *tables) overall() {
	metrics := overall[t.task]
	columns := []string{"Run"}
	for _, m := range metrics {
		columns = append(columns, metricName(m))
	}
	t.begin("Overall figures", "tabular", columns...)
	for _, r := range t.analysis.Runs {
		l := line{}
		l.text(r.Name)
		for _, m := range metrics {
			l.number(t.analysis.Number(r.Name, m))
		}
		t.row(l)
	}
	t.end("tabular")
}

func (t *tables) classes() {
	metric, first := classMetric[t.task], &t.analysis.Runs[0]
	columns := []string{"Class (" + metric + ")"}
	for _, r := range t.analysis.Runs {
		columns = append(columns, r.Name)
	}
	t.begin("Classes", "longtable", columns...)
	for _, label := range first.labels() {
		l := line{}
		l.text(label)
		for _, r := range t.analysis.Runs {
			l.number(t.analysis.Number(r.Name, metric, label))
		}
		t.row(l)
	}
	t.end("longtable")
}

func (t *tables) pairs() {
	if len(t.analysis.Pairs) == 0 {
		return
	}
	columns := []string{"Difference (paired bootstrap)"}
	for _, m := range overall[t.task] {
		columns = append(columns, metricName(m))
	}
	t.begin("Differences between runs over the same images", "tabular", columns...)
	for _, p := range t.analysis.Pairs {
		l := line{}
		l.text(p.Name())
		for _, m := range overall[t.task] {
			l.number(t.analysis.Number(p.Name(), m))
		}
		t.row(l)
	}
	t.end("tabular")
}

func (t *tables) seeds() {
	if len(t.analysis.Seeds) == 0 {
		return
	}
	columns := []string{"Seeds (mean, least to greatest, standard deviation)", "Figure", "Mean", "Deviation"}
	t.begin("Runs that differ by their seed", "tabular", columns...)
	for _, s := range t.analysis.Seeds {
		for _, m := range overall[t.task] {
			l := line{}
			l.text(s.Name())
			l.text(metricName(m))
			l.number(t.analysis.Number(s.Name(), m))
			l.number(t.analysis.Number(s.Name(), Deviation(m)))
			t.row(l)
		}
	}
	t.end("tabular")
}

func (t *tables) published() {
	figures := t.analysis.Published()
	if len(figures) == 0 {
		t.linef("\n%% No published figures for this data set.")
		return
	}
	t.begin("Published figures, not results of these runs", "tabular", "Published in "+PublishedSource, "Data", "Figure", "Value")
	for _, p := range figures {
		l := line{}
		for _, s := range []string{p.Model, p.Data, p.Metric, p.Value} {
			l.text(s)
		}
		t.row(l)
	}
	t.end("tabular")
}

// metricName is a metric's display name.
func metricName(metric string) string { return strings.ReplaceAll(metric, "_", " ") }

var texEscapes = strings.NewReplacer(`\`, `\textbackslash{}`, "&", `\&`, "%", `\%`, "$", `\$`, "#", `\#`, "_", `\_`,
	"{", `\{`, "}", `\}`, "~", `\textasciitilde{}`, "^", `\textasciicircum{}`)

// escapeTeX is text as TeX prints it. Control characters, which could end a line,
// are spaces.
func escapeTeX(s string) string {
	return texEscapes.Replace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s))
}
