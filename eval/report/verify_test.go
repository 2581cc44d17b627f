package report

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"eomt/eval"
)

// writeAll makes a report's files of two runs.
func writeAll(t *testing.T, task eval.Task) (dir string, a *Analysis) {
	t.Helper()
	dir = t.TempDir()
	a = analyse(t, Bootstrap{Resamples: 20, Seed: 1}, newRun(t, "first_run", task, 15, 1), newRun(t, "b", task, 15, 2))
	for _, err := range []error{WritePerImage(dir, a.Runs, a.Bootstrap), a.WriteResults(dir), a.WriteTables(dir)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir, a
}

// verify recomputes everything from the folder.
func verify(t *testing.T, dir string) []string {
	t.Helper()
	a, err := Recompute(t.Context(), dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	differ, err := a.Verify(dir)
	if err != nil {
		t.Fatal(err)
	}
	return differ
}

func TestUntouchedReportsVerify(t *testing.T) {
	for _, task := range tasks {
		dir, _ := writeAll(t, task)
		if differ := verify(t, dir); len(differ) > 0 {
			t.Errorf("%s: %d differences, such as %s", task, len(differ), differ[0])
		}
	}
}

// Every digit of every table is changed in turn.
func TestChangedDigitsOfTablesAreFound(t *testing.T) {
	dir, a := writeAll(t, eval.Panoptic)
	path := filepath.Join(dir, TablesFile)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	changed := 0
	for i, c := range text {
		if c < '0' || c > '9' {
			continue
		}
		spoilt := bytes.Clone(text)
		spoilt[i] = '0' + (c-'0'+1)%10
		if err := os.WriteFile(path, spoilt, 0o666); err != nil {
			t.Fatal(err)
		}
		differ, err := a.verifyTables(dir)
		if err != nil || len(differ) != 1 {
			t.Fatalf("digit %d changed: %v, %v", i, differ, err)
		}
		changed++
	}
	if changed < 50 {
		t.Errorf("%d digits", changed)
	}
}

func TestChangedCellsAreNamed(t *testing.T) {
	dir, a := writeAll(t, eval.Panoptic)
	path := filepath.Join(dir, TablesFile)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	shown := Fraction.tex(a.Number("b", "SQ").Value)
	before, after, found := strings.Cut(string(text), "\nb & ")
	if !found {
		t.Fatal(string(text))
	}
	if err := os.WriteFile(path, []byte(before+"\nb & "+strings.Replace(after, shown, "99.9", 1)), 0o666); err != nil {
		t.Fatal(err)
	}
	if differ := verify(t, dir); len(differ) != 1 || !strings.Contains(differ[0], ": b/SQ is 99.9 ") || !strings.Contains(differ[0], ", computed "+shown) {
		t.Errorf("%q", differ)
	}
}

func TestChangedResultsAreFound(t *testing.T) {
	dir, a := writeAll(t, eval.Instance)
	rows := a.resultRows()
	write := func(rows []resultRow) {
		t.Helper()
		if err := parquet.WriteFile(filepath.Join(dir, ResultsFile), rows); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 12 { // those of all classes
		spoilt := append([]resultRow(nil), rows...)
		spoilt[i].Value += 1e-9
		spoilt[i].Low++
		write(spoilt)
		differ, err := a.Verify(dir)
		if err != nil {
			t.Fatal(err)
		}
		if len(differ) == 0 || len(differ) > 2 || !strings.Contains(differ[0], ": "+rows[i].Key+": value is ") {
			t.Fatalf("row %d changed: %v", i, differ)
		}
	}
	spoilt := append([]resultRow(nil), rows...)
	spoilt[0].Metric, spoilt[0].Step = "AQ", 7
	write(spoilt)
	if differ := verify(t, dir); len(differ) != 2 || !strings.HasSuffix(differ[0], `: step is "7", computed "30"`) || !strings.HasSuffix(differ[1], `: metric is "AQ", computed "`+rows[0].Metric+`"`) {
		t.Errorf("text changed: %q", differ)
	}
	write(rows[:len(rows)-1])
	if differ := verify(t, dir); len(differ) != 1 || !strings.HasSuffix(differ[0], rows[len(rows)-1].Key+" is missing") {
		t.Errorf("a row removed: %v", differ)
	}
	write(append(rows, resultRow{Key: "b/extra"}))
	if differ := verify(t, dir); len(differ) != 1 || !strings.Contains(differ[0], "b/extra does not follow from per_image.parquet") {
		t.Errorf("a row added: %v", differ)
	}
}

// A count that is changed in per_image.parquet shows in all that follows from
// it, or already contradicts the image's headline.
func TestChangedCountsAreFound(t *testing.T) {
	dir, a := writeAll(t, eval.Panoptic)
	run := &a.Runs[0]
	run.Images[2].Stat.Panoptic.Classes[0].FP++
	if err := WritePerImage(dir, a.Runs, a.Bootstrap); err != nil {
		t.Fatal(err)
	}
	if _, err := Recompute(t.Context(), dir, nil); err == nil || !strings.Contains(err.Error(), "run first_run, image "+run.Images[2].Name+": headline ") {
		t.Errorf("%v", err)
	}
	if err := run.normalise(); err != nil {
		t.Fatal(err)
	}
	if err := WritePerImage(dir, a.Runs, a.Bootstrap); err != nil {
		t.Fatal(err)
	}
	if differ := strings.Join(verify(t, dir), "\n"); !strings.Contains(differ, "results.parquet: first_run/PQ: value is ") || !strings.Contains(differ, "tables.tex: line ") {
		t.Errorf("%s", differ)
	}
}

// TeX has as many columns in every line as the table states, balanced braces, and
// no special character of a class's name unescaped.
func TestTablesAreTeX(t *testing.T) {
	for _, task := range tasks {
		_, a := writeAll(t, task)
		columns, open := 0, ""
		for _, line := range strings.Split(string(a.tables()), "\n") {
			code, _, _ := strings.Cut(line, " % ")
			if strings.HasPrefix(code, "%") {
				continue
			}
			plain := strings.NewReplacer(`\\`, "", `\&`, "", `\_`, "", `\%`, "", `\{`, "", `\}`, "").Replace(code)
			if strings.Count(plain, "{") != strings.Count(plain, "}") || strings.ContainsAny(plain, "%#_") || strings.Count(plain, "$")%2 != 0 {
				t.Errorf("%s", code)
			}
			switch {
			case strings.HasPrefix(code, `\begin{`):
				name, rest, _ := strings.Cut(strings.TrimPrefix(code, `\begin{`), "}")
				open, columns = name, len(strings.Trim(rest, "{}"))
			case strings.HasPrefix(code, `\end{`):
				if code != `\end{`+open+"}" {
					t.Errorf("%s closes %s", code, open)
				}
				open = ""
			case strings.HasSuffix(code, `\\`):
				if n := strings.Count(plain, "&") + 1; n != columns {
					t.Errorf("%d cells in a table of %d columns: %s", n, columns, code)
				}
			}
		}
		if open != "" {
			t.Errorf("%s is left open", open)
		}
	}
}

// The keys in comments are numbers.
func TestTablesNameTheirNumbers(t *testing.T) {
	_, a := writeAll(t, eval.Semantic)
	keys := 0
	for _, line := range strings.Split(string(a.tables()), "\n") {
		_, comment, has := strings.Cut(line, `\\ % `)
		if !has {
			continue
		}
		for _, key := range strings.Fields(comment) {
			keys++
			if _, _, found := a.Lookup(key); !found {
				t.Errorf("no number %s", key)
			}
		}
	}
	if keys < 10 {
		t.Errorf("%d keys", keys)
	}
}

// Names with letters outside of Latin-1 are kept, and the tables say which engines
// print them; a line break in a name does not end a row.
func TestTablesNameTheEngine(t *testing.T) {
	for name, named := range map[string]bool{"caf\u00e9": false, "\u732b": true, "\u03b3\u03ac\u03c4\u03b1 & x": true} {
		r := newRun(t, "a\nb", eval.Panoptic, 5, 1)
		r.Classes = slices.Clone(r.Classes)
		r.Classes[0].Name = name
		text := string(analyse(t, Bootstrap{Resamples: 2, Seed: 1}, r).tables())
		if strings.Contains(text, "LuaLaTeX") != named || !strings.Contains(text, "\n"+escapeTeX(name)+" & ") || !strings.Contains(text, "\na b & ") {
			t.Errorf("%s: %s", name, text)
		}
	}
}
