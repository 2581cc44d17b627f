package main

import (
	"encoding/json"
	"fmt"
	"os"

	"eomt/eval"
	"eomt/experiment"
	"eomt/internal/atomicfile"
)

// write prints a table for each protocol and writes -json.
func (o options) write(r *eval.Result) error {
	for _, outcome := range r.Outcomes {
		if len(r.Outcomes) > 1 {
			fmt.Printf("Protocol %s:\n", outcome.Protocol)
		}
		experiment.WriteOutcome(os.Stdout, outcome)
	}
	resumed := ""
	if r.Resumed > 0 {
		resumed = fmt.Sprintf(", %d of them resumed", r.Resumed)
	}
	fmt.Printf("%d images%s, %.1f s\n", len(r.Records), resumed, r.Seconds)
	if o.json == "" {
		return nil
	}
	text, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return fmt.Errorf("write results: %w", err)
	}
	if err := atomicfile.WriteBytes(o.json, append(text, '\n')); err != nil {
		return fmt.Errorf("write results: %w", err)
	}
	return nil
}
