package report

import (
	"fmt"
	"io"
	"math"
	"path/filepath"

	"github.com/parquet-go/parquet-go"
)

// ResultsFile is the name of the file of all numbers.
const ResultsFile = "results.parquet"

// resultRow is a number; value, low and high are NaN if there is none.
type resultRow struct {
	Key       string  `parquet:"key"`
	Run       string  `parquet:"run,dict"`
	Step      int64   `parquet:"step"`
	Protocol  string  `parquet:"protocol,dict"`
	Metric    string  `parquet:"metric,dict"`
	Class     string  `parquet:"class,dict"`
	Predicted string  `parquet:"predicted,dict"`
	Value     float64 `parquet:"value"`
	Low       float64 `parquet:"low"`
	High      float64 `parquet:"high"`
}

func (a *Analysis) resultRows() []resultRow {
	rows := make([]resultRow, len(a.Numbers))
	for i, n := range a.Numbers {
		rows[i] = resultRow{n.Key(), n.Run, int64(n.Step), string(n.Protocol), n.Metric, n.Class, n.Pred, n.Value, n.Low, n.High}
	}
	return rows
}

// WriteResults writes every number into dir. The file appears whole or not at all.
func (a *Analysis) WriteResults(dir string) error {
	return write(filepath.Join(dir, ResultsFile), func(w io.Writer) error {
		out := parquet.NewGenericWriter[resultRow](w, parquet.Compression(&parquet.Zstd))
		if _, err := out.Write(a.resultRows()); err != nil {
			return err
		}
		return out.Close()
	})
}

// verifyResults names the rows of dir's results that differ from the computed ones.
func (a *Analysis) verifyResults(dir string) ([]string, error) {
	var stored []resultRow
	path := filepath.Join(dir, ResultsFile)
	if err := readWhole(path, func(*parquet.File) error { return nil }, &stored); err != nil {
		return nil, fmt.Errorf("report: %s: %w", path, err)
	}
	var differ []string
	want := a.resultRows()
	for i := range max(len(stored), len(want)) {
		switch {
		case i >= len(stored):
			differ = append(differ, fmt.Sprintf("%s: %s is missing", ResultsFile, want[i].Key))
		case i >= len(want):
			differ = append(differ, fmt.Sprintf("%s: %s does not follow from %s", ResultsFile, stored[i].Key, PerImageFile))
		default:
			differ = append(differ, stored[i].differences(want[i])...)
		}
	}
	return differ, nil
}

// differences names the columns in which a stored row differs from the computed one.
func (r resultRow) differences(want resultRow) []string {
	var differ []string
	for _, f := range []struct {
		name        string
		stored, own float64
	}{{"value", r.Value, want.Value}, {"low", r.Low, want.Low}, {"high", r.High, want.High}} {
		if f.stored != f.own && !(math.IsNaN(f.stored) && math.IsNaN(f.own)) {
			differ = append(differ, fmt.Sprintf("%s: %s: %s is %v, computed %v", ResultsFile, want.Key, f.name, f.stored, f.own))
		}
	}
	for _, f := range []struct{ name, stored, own string }{{"key", r.Key, want.Key}, {"run", r.Run, want.Run},
		{"step", fmt.Sprint(r.Step), fmt.Sprint(want.Step)}, {"protocol", r.Protocol, want.Protocol}, {"metric", r.Metric, want.Metric},
		{"class", r.Class, want.Class}, {"predicted", r.Predicted, want.Predicted}} {
		if f.stored != f.own {
			differ = append(differ, fmt.Sprintf("%s: %s: %s is %q, computed %q", ResultsFile, want.Key, f.name, f.stored, f.own))
		}
	}
	return differ
}
