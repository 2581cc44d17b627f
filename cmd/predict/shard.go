package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"eomt/data/images"
	"eomt/eval/inference"
	"eomt/eval/predictions"
	"eomt/eval/shards"
	"eomt/internal/cli"
	"eomt/internal/progress"
	"eomt/segment"
)

// failedCode is the exit code of a complete shard with more failed images than allowed.
const failedCode = 3

// predictShard predicts the images of o.shard that are not done yet.
func (o options) predictShard(ctx context.Context, s *segment.Segmenter, folder predictions.Folder, files photos, drawn float64) error {
	var own []int
	for i := range files {
		if o.shard.Has(files[i].Key()) {
			own = append(own, i)
		}
	}
	w, err := shards.Open(ctx, folder.Dir, o.runOf(s, files, len(own), drawn))
	if err != nil {
		return err
	}
	err = o.fill(ctx, s, folder, files, own, drawn, w)
	return errors.Join(err, w.Close())
}

// runOf is the first line of the shard's manifest.
func (o options) runOf(s *segment.Segmenter, files photos, own int, drawn float64) shards.Run {
	engine := o.network.Engine
	if engine == "" {
		engine = segment.EngineGraph
	}
	chosen, _, _ := strings.Cut(s.Backend, "\n")
	return shards.Run{Shard: *o.shard, Own: own, Backend: chosen, Settings: shards.Settings{
		Images: len(files), List: images.Sum(files), Weights: s.Checksum, Task: s.Task, Size: [2]int{s.Architecture.ImageH(), s.Architecture.ImageW()},
		Score: s.Score, Overlap: s.Overlap, TopK: s.TopK, Drawn: drawn, Precision: s.Precision, Engine: engine, Classes: s.Classes}}
}

// fill predicts and, when the shard is complete, writes its lists.
func (o options) fill(ctx context.Context, s *segment.Segmenter, folder predictions.Folder, files photos, own []int, drawn float64, w *shards.Writer) error {
	var left []int
	for _, i := range own {
		if !w.Done(i) {
			left = append(left, i)
		}
	}
	if n := len(own) - len(left); n > 0 {
		fmt.Fprintf(os.Stderr, "predict: shard %s goes on: %d of %d images are done\n", o.shard, n, len(own))
	}
	p := &part{folder: folder, photos: files, drawn: drawn, writer: w, sums: map[int]string{},
		bar: progress.Start("predict "+o.shard.String(), len(own)).Rate("images", 1), done: len(own) - len(left)}
	p.bar.Phase("compiling")
	err := s.Run(ctx, source{ctx: ctx, photos: files, seen: p.seen}, left, 1, p.failed, p.take)
	p.bar.Finish()
	if err != nil {
		return fmt.Errorf("shard %s ended after %d of %d images, the same command goes on there: %w", o.shard, p.done, len(own), err)
	}
	failedList := filepath.Join(folder.Dir, predictions.FailedJSON)
	if err := os.Remove(failedList); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	set, err := shards.Only(w.Manifest())
	if err == nil {
		err = set.WriteLists(folder)
	}
	if err != nil {
		return err
	}
	fmt.Printf("shard %s: %d images, of which %d failed, in %s\n", o.shard, len(own), set.Failed, folder.Dir)
	return tolerate(set.Failed, len(own), o.maxFailures, failedList)
}

// tolerate is an error of exit code 3 where more images failed than may.
func tolerate(failed, all, most int, list string) error {
	if most < 0 || failed <= most {
		return nil
	}
	return &cli.ExitError{Code: failedCode, Reason: fmt.Sprintf("%d of %d images failed: %s lists them; -max-failures allows them", failed, all, list)}
}

// part is a shard that is being predicted. seen, failed and take are safe for concurrent
// use.
type part struct {
	folder predictions.Folder
	photos photos
	drawn  float64
	writer *shards.Writer

	mu   sync.Mutex
	sums map[int]string // of the images in progress
	bar  *progress.Progress
	done int
}

func (p *part) seen(i int, raw []byte) {
	sum := fmt.Sprintf("%x", sha256.Sum256(raw))
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sums[i] = sum
}

// record begins the record of an image.
func (p *part) record(i int) shards.Record {
	p.mu.Lock()
	defer p.mu.Unlock()
	sum := p.sums[i]
	delete(p.sums, i)
	return shards.Record{Index: i, Key: p.photos[i].Key(), Name: p.photos[i].Name, Path: p.photos[i].Path, SHA256: sum}
}

func (p *part) take(r inference.Result) error {
	info := p.photos.of(r)
	record := p.record(r.Index)
	record.Width, record.Height = info.W, info.H
	err := p.writer.Add(record, func(dir string) ([]string, json.RawMessage, error) {
		folder := p.folder
		folder.Dir = dir
		entry, err := writeImage(folder, info, r, p.drawn)
		return filesOf(folder, info.Name), entry, err
	})
	if err != nil {
		return fmt.Errorf("%s: %w", info.Name, err)
	}
	p.count()
	return nil
}

// failed records an image that could not be read. It ends the run where its source cannot
// be reached.
func (p *part) failed(i int, err error) error {
	if ofSource(err) {
		return err
	}
	fmt.Fprintf(os.Stderr, "predict: failed: %v\n", err)
	if err := p.writer.Fail(p.record(i), err); err != nil {
		return err
	}
	p.count()
	return nil
}

func (p *part) count() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done++
	p.bar.Set(p.done, "")
}
