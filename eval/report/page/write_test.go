package page

import (
	"bytes"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// numbers are all that a report of a single run has to print.
func numbers(r Content) []Number {
	var all []Number
	for _, run := range r.Runs {
		for _, f := range run.Headline {
			all = append(all, f.Value, f.Low, f.High)
		}
		all = append(all, run.Headline[0].Images)
		for _, row := range run.Classes.Rows {
			all = append(all, row.Values...)
		}
		for _, bin := range run.Calibration.Bins {
			all = append(all, bin.Count, bin.MeanScore, bin.MeanIoU)
		}
		all = append(all, run.Calibration.Error)
		for _, e := range run.Examples {
			all = append(all, e.Score)
		}
		for t := range run.Confusion.Truth {
			for p := range run.Confusion.Predicted {
				all = append(all, run.Confusion.number(t, p))
			}
		}
	}
	for _, d := range r.Compared {
		all = append(all, d.Value, d.Low, d.High, d.Images)
	}
	for _, s := range r.Seeds {
		all = append(all, s.Mean, s.Deviation)
	}
	return all
}

// Every number given is printed, in full, and none besides.
func TestPrintsItsNumbers(t *testing.T) {
	for _, s := range []size{{1, 2, 3, 2}, {3, 9, 40, 9}} {
		r := sample(s)
		var file bytes.Buffer
		if err := HTML(&file, r); err != nil {
			t.Fatal(err)
		}
		printed, err := Printed(&file)
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]Number{}
		for _, n := range numbers(r) {
			want[n.Key] = n
		}
		seen := map[string]bool{}
		for _, p := range printed {
			n, known := want[p.Key]
			if !known || math.Float64bits(p.Value) != math.Float64bits(n.Value) || p.Shown != n.Shown() {
				t.Errorf("printed %+v, given %+v", p, n)
			}
			seen[p.Key] = true
		}
		for key := range want {
			if !seen[key] {
				t.Errorf("%s is not printed", key)
			}
		}
	}
}

func TestWrite(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "report")
	r := sample(size{1, 2, 3, 2})
	for range 2 { // a report may be made again
		if err := Write(dir, r); err != nil {
			t.Fatal(err)
		}
	}
	var files []string
	filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			name, _ := filepath.Rel(dir, path)
			files = append(files, filepath.ToSlash(name))
		}
		return err
	})
	var want []string
	for _, name := range []string{"calibration", "confusion", "data-wait", "gradient-norm", "learning-rates", "loss", "loss-class", "loss-dice", "loss-mask", "mask-probabilities", "throughput", "validation"} {
		want = append(want, "figures/"+name+".pdf", "figures/"+name+".svg")
	}
	want = append(want, "report.html")
	slices.Sort(files)
	slices.Sort(want)
	if !slices.Equal(files, want) {
		t.Errorf("files %v, want %v", files, want)
	}
	for _, name := range files {
		content, err := os.ReadFile(filepath.Join(dir, name))
		start := map[string]string{".pdf": "%PDF-", ".svg": "<?xml", ".html": "<!DOCTYPE html>"}[filepath.Ext(name)]
		if err != nil || !strings.HasPrefix(string(content), start) {
			t.Errorf("%s starts with %.20q, want %q (%v)", name, content, start, err)
		}
	}
}

// A report of nothing but a name, and one of one logged step, are reports.
func TestLittleIsKnown(t *testing.T) {
	r := Content{Title: "little", Task: "semantic", Runs: []Run{{Name: "run"}}}
	var file bytes.Buffer
	if err := HTML(&file, r); err != nil {
		t.Fatal(err)
	}
	want := "Not in these runs&#39; folders: headline figures, training curves, a table of classes, a confusion matrix, example images, calibration."
	if !strings.Contains(strings.ReplaceAll(file.String(), "runs' folders", "runs&#39; folders"), want) {
		t.Errorf("the page does not say what is absent: %q", want)
	}
	if err := Write(t.TempDir(), r); err != nil {
		t.Error(err)
	}
	r.Runs[0].Steps = sampleRun(size{1, 2, 1, 2}, 0).Steps
	if err := Write(t.TempDir(), r); err != nil {
		t.Error(err)
	}
}

func TestTextIsEscaped(t *testing.T) {
	const evil = `<script>alert("1")</script>&`
	r := sample(size{2, 14, 3, 14})
	r.Title, r.Data, r.Runs[0].Name, r.Runs[0].Note = evil, evil, evil, evil
	r.Runs[0].Classes.Rows[0].Name, r.Runs[0].Confusion.Truth[0], r.Runs[0].Examples[0].Image = evil, evil, evil
	r.Runs[0].Provenance[0].Value, r.Runs[0].Commands[0].Line, r.Published[0].Model = evil, evil, evil
	var file bytes.Buffer
	if err := HTML(&file, r); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(file.String(), "<script>alert") || strings.Contains(file.String(), `alert("1")`) {
		t.Error("text of the report became markup")
	}
}

func TestRejects(t *testing.T) {
	for want, change := range map[string]func(*Content){
		`page: report "Three ways to train": no runs`:                                            func(r *Content) { r.Runs = nil },
		`page: report "Three ways to train": two runs named "quickstart"`:                        func(r *Content) { r.Runs[1].Name = "quickstart" },
		`page: run "quickstart": class "class 1" has 1 values for 6 columns`:                     func(r *Content) { row := &r.Runs[0].Classes.Rows[0]; row.Values = row.Values[:1] },
		`page: run "quickstart": confusion matrix is not of 2 x 3 counts`:                        func(r *Content) { r.Runs[0].Confusion.Counts[1] = nil },
		`page: read numbers: 1 of 2 <data> elements are not as the report wrote them`:            nil,
		`page: read numbers: value "x" of a/PQ: strconv.ParseFloat: parsing "x": invalid syntax`: nil,
	} {
		var err error
		if change != nil {
			r := sample(size{2, 2, 3, 2})
			change(&r)
			err = HTML(&bytes.Buffer{}, r)
		} else if strings.Contains(want, "elements") {
			_, err = Printed(strings.NewReader(`<data class="n" value="1" data-key="a">1</data><data value="2">2</data>`))
		} else {
			_, err = Printed(strings.NewReader(`<data class="n" value="x" data-key="a/PQ">1</data>`))
		}
		if err == nil || err.Error() != want {
			t.Errorf("error %v, want %s", err, want)
		}
	}
}

func TestWriteNamesTheFolder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	err := Write(file, sample(size{1, 2, 3, 2}))
	if err == nil || !strings.HasPrefix(err.Error(), "page: write report: mkdir "+file) {
		t.Errorf("error %v does not name the folder", err)
	}
}

// Many runs have a row each, and every number is printed all the same.
func TestManyRuns(t *testing.T) {
	r := sample(size{3, 2, 5, 2})
	for i := range 9 {
		run := sampleRun(size{1, 2, 5, 2}, uint64(i))
		run.Name = fmt.Sprintf("run %d", i)
		for k := range run.Headline {
			run.Headline[k].Value.Key = Key(run.Name, run.Headline[k].Name)
		}
		r.Runs = append(r.Runs, run)
	}
	r.Published = nil
	var file bytes.Buffer
	if err := HTML(&file, r); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`data-key="run%208/PQ"`, `</i>run 8</th>`, "There are no published figures for this data set.", "<th scope=\"col\">peak memory</th>"} {
		if !strings.Contains(file.String(), want) {
			t.Errorf("the page lacks %s", want)
		}
	}
}
