package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"eomt/checkpoints"
	"eomt/train"
)

// outcome is what the runs of a variant came to.
type outcome struct {
	pq         []float64 // percent, by seed
	seconds    []float64 // of training, by seed
	parameters int
}

// outcome reads a variant's runs.
func (s study) outcome(v string) (o outcome, err error) {
	for seed := 1; seed <= s.seeds; seed++ {
		dir := s.folder(v, seed)
		raw, err := os.ReadFile(filepath.Join(dir, "validations.json"))
		var list []checkpoints.Metric
		if err == nil {
			err = json.Unmarshal(raw, &list)
		}
		if err != nil || len(list) == 0 {
			return o, fmt.Errorf("%s has no validation: %w", dir, err)
		}
		o.pq = append(o.pq, 100*list[len(list)-1].Value)
		entries, err := train.ReadEntries(dir)
		if err != nil {
			return o, err
		}
		if len(entries) < 2 {
			return o, fmt.Errorf("%s: want two entries of the log at least, for the time of a step", dir)
		}
		var spent []float64 // seconds a step
		for i, e := range entries[1:] {
			spent = append(spent, e.Time.Sub(entries[i].Time).Seconds()/float64(e.Step-entries[i].Step))
		}
		slices.Sort(spent)
		o.seconds = append(o.seconds, spent[len(spent)/2]*float64(s.steps))
		p, err := train.ReadProvenance(dir)
		if err != nil {
			return o, err
		}
		o.parameters = p.Parameters
	}
	return o, nil
}

// spread is a mean with the least and the greatest value.
func spread(values []float64, digits int) string {
	mean := 0.0
	for _, v := range values {
		mean += v / float64(len(values))
	}
	if len(values) == 1 {
		return fmt.Sprintf("%.*f", digits, mean)
	}
	return fmt.Sprintf("%.*f (%.*f to %.*f)", digits, mean, digits, slices.Min(values), digits, slices.Max(values))
}

// paper are PQ of EoMT-L on COCO at 640 px, Table 4 of arXiv 2503.19108.
var paper = map[string]string{"mask": "56.2", "mask-none": "27.4", "none": "53.2", "annealed": "56.0"}

// described are training and evaluation of a variant.
var described = map[string]string{
	"mask": "always masked | masked", "mask-none": "always masked | not masked", "none": "never masked | not masked", "annealed": "masks annealed away | not masked",
}

// tables writes masking.md and widths.md into the folder of the runs.
func (s study) tables() error {
	var masking, ladder strings.Builder
	fmt.Fprintf(&masking, "| training | evaluation | PQ, mean of %d seeds (least to greatest) | PQ in the paper (EoMT-L, COCO, 640 px) |\n|---|---|---|---|\n", s.seeds)
	for _, v := range s.maskings() {
		o, err := s.outcome(v.name)
		if err != nil {
			return err
		}
		fmt.Fprintf(&masking, "| %s | %s | %s |\n", described[v.name], spread(o.pq, 1), paper[v.name])
	}
	fmt.Fprintf(&ladder, "| width | parameters | PQ, mean of %d seeds (least to greatest) | training, s (median step times %d) |\n|---|---|---|---|\n", s.seeds, s.steps)
	for _, v := range widths() {
		o, err := s.outcome(v.name)
		if err != nil {
			return err
		}
		width := strings.TrimPrefix(v.name, "width-")
		if v.name == "annealed" {
			width = "64"
		}
		fmt.Fprintf(&ladder, "| %s | %d | %s | %s |\n", width, o.parameters, spread(o.pq, 1), spread(o.seconds, 0))
	}
	fmt.Print(masking.String(), "\n", ladder.String())
	return errors.Join(os.WriteFile(filepath.Join(s.dir, "masking.md"), []byte(masking.String()), 0o666),
		os.WriteFile(filepath.Join(s.dir, "widths.md"), []byte(ladder.String()), 0o666))
}
