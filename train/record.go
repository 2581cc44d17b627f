package train

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"eomt/data"
)

// Entry is one line of metrics.jsonl.
type Entry struct {
	Step         int       `json:"step"` // finished steps
	Epoch        float64   `json:"epoch"`
	Loss         float64   `json:"loss"`
	LossMask     []float64 `json:"loss_mask"` // [L+1], unweighted, the final prediction last
	LossDice     []float64 `json:"loss_dice"`
	LossClass    []float64 `json:"loss_class"`
	RateHead     float64   `json:"lr_head"`
	RateBackbone float64   `json:"lr_backbone"` // of the last block
	MaskProbs    []float64 `json:"mask_probs"`
	GradientNorm float64   `json:"gradient_norm"`
	Matched      float64   `json:"matched"`
	ImagesPerSec float64   `json:"images_per_second"` // since the entry before
	DataWait     float64   `json:"data_wait"`         // share of that time spent waiting for batches
	Memory       int64     `json:"memory_bytes"`      // peak resident memory of the process
}

// entry describes the step that has just been done.
func (r *run) entry(l Losses) Entry {
	done := r.state.Step
	scalars := r.step.scalars(done - 1)
	return Entry{Step: done, Epoch: float64(done*r.batchSize()) / float64(r.ImagesPerEpoch),
		Loss: l.Total, LossMask: l.Mask, LossDice: l.Dice, LossClass: l.Class,
		RateBackbone: scalars[0], RateHead: scalars[1], MaskProbs: r.step.maskProbs(done - 1),
		GradientNorm: l.GradientNorm, Matched: l.Matched, Memory: peakMemory()}
}

func (r *run) batchSize() int { return r.step.config.BatchSize }

// metricsFile is the run's log in its folder.
const metricsFile = "metrics.jsonl"

// record appends entries to metrics.jsonl and measures throughput between them.
type record struct {
	file          *os.File
	images        int
	waited, spent time.Duration
}

// openRecord opens the log of a run that goes on after `done` steps: entries of
// later steps, which will be done again, are removed.
func openRecord(dir string, done int) (*record, error) {
	path := filepath.Join(dir, metricsFile)
	kept, err := entriesUpTo(path, done)
	if err != nil {
		return nil, err
	}
	part := path + ".part"
	if err := os.WriteFile(part, kept, 0o644); err != nil {
		return nil, fmt.Errorf("train: log: %w", err)
	}
	if err := os.Rename(part, path); err != nil {
		return nil, fmt.Errorf("train: log: %w", err)
	}
	file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("train: log: %w", err)
	}
	return &record{file: file}, nil
}

// entriesUpTo returns the whole lines of the log whose step is at most done.
func entriesUpTo(path string, done int) ([]byte, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("train: log: %w", err)
	}
	defer file.Close()
	var kept []byte
	scanner := bufio.NewScanner(file)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		var e Entry
		if json.Unmarshal(scanner.Bytes(), &e) == nil && e.Step <= done {
			kept = append(append(kept, scanner.Bytes()...), '\n')
		}
	}
	if err := scanner.Err(); err != nil {
		return nil, fmt.Errorf("train: log: %s: %w", path, err)
	}
	return kept, nil
}

func (r *record) add(b *data.Batch, waited, spent time.Duration) {
	r.images += b.B
	r.waited += waited
	r.spent += spent
}

func (r *record) write(e Entry) error {
	e.ImagesPerSec = float64(r.images) / r.spent.Seconds()
	e.DataWait = r.waited.Seconds() / r.spent.Seconds()
	r.images, r.waited, r.spent = 0, 0, 0
	line, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("train: log: %w", err)
	}
	if _, err := r.file.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("train: log: %w", err)
	}
	return nil
}

func (r *record) Close() error { return r.file.Close() }

// peakMemory is the largest resident memory of this process so far, in bytes;
// where the system does not say, what Go's own heap holds from the system.
func peakMemory() int64 {
	status, err := os.ReadFile("/proc/self/status")
	if err == nil {
		for line := range strings.Lines(string(status)) {
			if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
				if kB, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64); err == nil {
					return kB << 10
				}
			}
		}
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.Sys)
}
