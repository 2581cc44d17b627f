package runs

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"eomt/eval"
	"eomt/eval/report/page"
)

// Validation is the figures of one evaluation during training, by the official
// protocol where it was asked for.
type Validation = page.Validation

// figures are those of an evaluation's JSON file: the fields of its task are set.
type figures struct {
	All, Things, Stuff *struct {
		PQ float64 `json:"pq"`
		N  int     `json:"n"`
	}
	AP, AP50, AP75 *float64
	MIoU           *float64 `json:"mIoU"`
	Present        *float64 `json:"mIoU_present"`
}

// readValidations reads the figures of every step-NNNNNNNN.json in a run's folder
// of evaluations, in order of steps.
func readValidations(dir string) ([]Validation, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !absent(err) {
		return nil, err
	}
	var list []Validation
	for _, e := range entries {
		name := stepName.FindStringSubmatch(e.Name())
		if name == nil || name[2] == "" {
			continue
		}
		step, err := strconv.Atoi(name[1])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", e.Name(), err)
		}
		raw, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, err
		}
		metrics, err := parseFigures(raw)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", filepath.Join(dir, e.Name()), err)
		}
		if len(metrics) > 0 {
			list = append(list, Validation{Step: step, Metrics: metrics})
		}
	}
	slices.SortFunc(list, func(a, b Validation) int { return a.Step - b.Step })
	return list, nil
}

func parseFigures(raw []byte) ([]page.Metric, error) {
	var both map[eval.Protocol]json.RawMessage
	if err := json.Unmarshal(raw, &both); err != nil {
		return nil, err
	}
	if exact, ok := both[eval.Exact]; ok {
		raw = exact
	}
	var f figures
	if err := json.Unmarshal(raw, &f); err != nil {
		return nil, err
	}
	var list []page.Metric
	add := func(name string, v *float64) {
		if v != nil && *v >= 0 { // pycocotools' -1 stands for none
			list = append(list, page.Metric{Name: name, Value: *v})
		}
	}
	if f.All != nil {
		add("PQ", &f.All.PQ)
		if f.Things != nil && f.Things.N > 0 {
			add("PQ things", &f.Things.PQ)
		}
		if f.Stuff != nil && f.Stuff.N > 0 {
			add("PQ stuff", &f.Stuff.PQ)
		}
		return list, nil
	}
	for _, m := range []struct {
		name  string
		value *float64
	}{{"AP", f.AP}, {"AP50", f.AP50}, {"AP75", f.AP75}, {"mIoU", f.MIoU}, {"mIoU present", f.Present}} {
		add(m.name, m.value)
	}
	return list, nil
}
