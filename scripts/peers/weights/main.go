// Command weights loads a model's weights as training does, into newly allocated
// float32 memory, for scripts/peers/weights.py. It prints one JSON object: seconds,
// bytes loaded, and the peak of resident memory in bytes (Linux).
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"eomt/checkpoints/weights"
	"eomt/internal/memory"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "Usage: weights PATH")
		os.Exit(2)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(path string) (err error) {
	start := time.Now()
	m, err := weights.Open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	tensors, _, err := m.Fit(m.Architecture, nil)
	if err != nil {
		return err
	}
	values := make([][]float32, len(tensors))
	bytes := 0
	for i, t := range tensors {
		values[i] = make([]float32, t.Elements())
		if err := t.ReadFloat32s(values[i]); err != nil {
			return err
		}
		bytes += 4 * len(values[i])
	}
	seconds := time.Since(start).Seconds()
	return json.NewEncoder(os.Stdout).Encode(map[string]any{"seconds": seconds, "bytes": bytes, "peak": memory.Peak(), "tensors": len(values)})
}
