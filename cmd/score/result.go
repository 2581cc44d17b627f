package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"eomt/internal/atomicfile"
	"eomt/internal/progress"
)

// write prints a table for each protocol and writes -json: the result with its
// protocol, or for both protocols an object with each under its name.
func write[Result any](f *flags, protocols []string, results []Result, table func(io.Writer, Result)) error {
	byProtocol := map[string]json.RawMessage{}
	for k, result := range results {
		if len(results) > 1 {
			fmt.Printf("Protocol %s:\n", protocols[k])
		}
		table(os.Stdout, result)
		text, err := json.Marshal(result)
		if err != nil {
			return fmt.Errorf("write results: %w", err)
		}
		byProtocol[protocols[k]] = append(fmt.Appendf(nil, `{"protocol": %q, `, protocols[k]), text[1:]...)
	}
	if *f.json == "" {
		return nil
	}
	var object any = byProtocol
	if len(results) == 1 {
		object = byProtocol[protocols[0]]
	}
	text, err := json.MarshalIndent(object, "", " ")
	if err != nil {
		return fmt.Errorf("write results: %w", err)
	}
	if err := atomicfile.WriteBytes(*f.json, append(text, '\n')); err != nil {
		return fmt.Errorf("write results: %w", err)
	}
	return nil
}

func tick(bar *progress.Progress) func(done int) {
	return func(done int) { bar.Set(done, "") }
}
