package train

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/parquet-go/parquet-go"

	"eomt/checkpoints"
	"eomt/data"
	"eomt/internal/appendfile"
	"eomt/internal/atomicfile"
	"eomt/internal/disk"
	"eomt/internal/memory"
	"eomt/train/tensorboard"
)

// Entry is one line of metrics.jsonl and one row of metrics.parquet.
type Entry struct {
	Step         int       `json:"step" parquet:"step"` // finished steps
	Time         time.Time `json:"time" parquet:"time,timestamp(millisecond)"`
	Epoch        float64   `json:"epoch" parquet:"epoch"`
	Loss         float64   `json:"loss" parquet:"loss"`
	LossMask     []float64 `json:"loss_mask" parquet:"loss_mask,list"` // [L+1], unweighted, the final prediction last
	LossDice     []float64 `json:"loss_dice" parquet:"loss_dice,list"`
	LossClass    []float64 `json:"loss_class" parquet:"loss_class,list"`
	RateHead     float64   `json:"lr_head" parquet:"lr_head"`
	RateBackbone float64   `json:"lr_backbone" parquet:"lr_backbone"` // of the last block
	MaskProbs    []float64 `json:"mask_probs" parquet:"mask_probs,list"`
	GradientNorm float64   `json:"gradient_norm" parquet:"gradient_norm"`
	Matched      float64   `json:"matched" parquet:"matched"`
	ImagesPerSec float64   `json:"images_per_second" parquet:"images_per_second"` // since the previous entry
	DataWait     float64   `json:"data_wait" parquet:"data_wait"`                 // share of that time spent waiting for batches
	Memory       int64     `json:"memory_bytes" parquet:"memory_bytes"`           // peak resident memory of the process
}

// scalars are the entry's numbers as TensorBoard shows them: lists by index, so that
// one prediction has the same index in all groups.
func (e Entry) scalars() []tensorboard.Scalar {
	values := []tensorboard.Scalar{
		{Tag: "loss", Value: e.Loss},
		{Tag: "lr/head", Value: e.RateHead}, {Tag: "lr/backbone", Value: e.RateBackbone},
		{Tag: "gradient_norm", Value: e.GradientNorm}, {Tag: "matched", Value: e.Matched},
		{Tag: "speed/images_per_second", Value: e.ImagesPerSec}, {Tag: "speed/data_wait", Value: e.DataWait},
		{Tag: "speed/memory_bytes", Value: float64(e.Memory)},
	}
	for _, list := range []struct {
		group  string
		values []float64
	}{{"loss_mask", e.LossMask}, {"loss_dice", e.LossDice}, {"loss_class", e.LossClass}, {"mask_probs", e.MaskProbs}} {
		for i, v := range list.values {
			values = append(values, tensorboard.Scalar{Tag: fmt.Sprintf("%s/%d", list.group, i), Value: v})
		}
	}
	return values
}

// entry describes the last finished step.
func (r *run) entry(l Losses) Entry {
	done := r.state.Step
	rates := r.step.rates(done - 1)
	return Entry{Step: done, Epoch: float64(done) / float64(r.StepsPerEpoch),
		Loss: l.Total, LossMask: l.Mask, LossDice: l.Dice, LossClass: l.Class,
		RateBackbone: rates[0], RateHead: rates[1], MaskProbs: r.step.maskProbs(done - 1),
		GradientNorm: l.GradientNorm, Matched: l.Matched, Memory: memory.Peak()}
}

func (r *run) batchSize() int { return r.step.config.BatchSize }

// The run's log: metricsFile grows during the run, metricsTable is made from it at
// every checkpoint.
const (
	metricsFile    = "metrics.jsonl"
	metricsTable   = "metrics.parquet"
	tensorboardDir = "tensorboard"
)

// record appends entries to metrics.jsonl and TensorBoard's file, and measures
// throughput between them.
type record struct {
	dir           string
	file          *appendfile.File
	board         *tensorboard.Writer
	disk          disk.Patience
	hosts         int // processes, of which this is one
	images        int
	waited, spent time.Duration
}

// openRecord opens the log of a run that has finished `done` steps. Entries of later
// steps, which the run repeats, are removed. The scalars of step `done`, including its
// validation if any, are written to TensorBoard again: the run may have been killed
// before they were.
func openRecord(dir string, done int, validated *checkpoints.Metric) (*record, error) {
	last, err := cutLog(dir, done)
	if err != nil {
		return nil, fmt.Errorf("train: log: %w", err)
	}
	file, err := appendfile.Open(filepath.Join(dir, metricsFile))
	if err != nil {
		return nil, fmt.Errorf("train: log: %w", err)
	}
	board, err := tensorboard.Open(filepath.Join(dir, tensorboardDir), done)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("train: log: %w", err), file.Close())
	}
	r := &record{dir: dir, file: file, board: board}
	if last != nil {
		err = board.Write(last.Time, last.Step, last.scalars())
	}
	if err == nil && validated != nil {
		err = r.chart(*validated)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("train: log: %w", err), r.Close())
	}
	return r, nil
}

// cutLog truncates metrics.jsonl to the entries up to step `done` and returns that of
// step `done`, nil if it was not logged. A damaged log is backed up first.
func cutLog(dir string, done int) (*Entry, error) {
	log, err := readLog(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if len(log.damaged) > 0 {
		aside, err := backUpLog(dir)
		if err != nil {
			return nil, err
		}
		slog.Warn("train: the log has lines that cannot be read: they are left out, the file as it was is kept",
			"log", filepath.Join(dir, metricsFile), "lines", log.damaged, "kept", aside)
	}
	if log.cut {
		slog.Warn("train: the last line of the log is cut off, as by a run that was killed while it wrote: it is left out",
			"log", filepath.Join(dir, metricsFile))
	}
	var kept bytes.Buffer
	var last *Entry
	for i, e := range log.entries {
		if e.Step > done {
			continue
		}
		if e.Step == done {
			last = &log.entries[i]
		}
		kept.Write(log.lines[i])
		kept.WriteByte('\n')
	}
	return last, atomicfile.WriteBytes(filepath.Join(dir, metricsFile), kept.Bytes())
}

func (r *record) add(b *data.Batch, p Progress) {
	r.images += b.B * r.hosts
	r.waited += p.Waited
	r.spent += p.Took
}

func (r *record) write(ctx context.Context, e Entry) error {
	e.Time = time.Now().UTC().Truncate(time.Millisecond)
	e.ImagesPerSec = float64(r.images) / r.spent.Seconds()
	e.DataWait = r.waited.Seconds() / r.spent.Seconds()
	r.images, r.waited, r.spent = 0, 0, 0
	line, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("train: log: %w", err)
	}
	err = r.disk.Do(ctx, "the log", func() error { return r.file.Append(append(line, '\n')) })
	if err == nil {
		err = r.disk.Do(ctx, "TensorBoard's log", func() error { return r.board.Write(e.Time, e.Step, e.scalars()) })
	}
	if err != nil {
		return fmt.Errorf("train: log: %w", err)
	}
	return nil
}

// evaluated writes a validation's metric and pictures to TensorBoard.
func (r *record) evaluated(ctx context.Context, m checkpoints.Metric) error {
	err := r.disk.Do(ctx, "TensorBoard's log", func() error { return r.chart(m) })
	if err != nil {
		return fmt.Errorf("train: log: %w", err)
	}
	return nil
}

// chart writes a validation to TensorBoard; what is written twice is shown once.
func (r *record) chart(m checkpoints.Metric) error {
	images, err := pictures(r.dir, m.Step)
	if err != nil {
		return err
	}
	if len(images) > 0 {
		if err := r.board.WriteImages(time.Now(), m.Step, images); err != nil {
			return err
		}
	}
	return r.board.Write(time.Now(), m.Step, []tensorboard.Scalar{{Tag: "eval/" + m.Name, Value: m.Value}})
}

// tabulate makes metrics.parquet of all entries so far.
func (r *record) tabulate() error {
	entries, err := ReadEntries(r.dir)
	if err != nil {
		return err
	}
	var table bytes.Buffer
	if err := parquet.Write(&table, entries); err != nil {
		return fmt.Errorf("train: log: %s: %w", metricsTable, err)
	}
	if err := atomicfile.WriteBytes(filepath.Join(r.dir, metricsTable), table.Bytes()); err != nil {
		return fmt.Errorf("train: log: %w", err)
	}
	return nil
}

// sync forces the log to disk.
func (r *record) sync() error {
	if err := errors.Join(r.file.Sync(), r.board.Sync()); err != nil {
		return fmt.Errorf("train: log: %w", err)
	}
	return nil
}

func (r *record) Close() error { return errors.Join(r.file.Close(), r.board.Close()) }
