// Command eval evaluates weights on the validation split of a configured data
// set. The table goes to standard output, progress to standard error.
package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"eomt/configs"
	"eomt/eval"
	"eomt/experiment"
	"eomt/internal/backend"
	"eomt/internal/cli"
	"eomt/internal/progress"
	"eomt/segment"
)

func main() {
	backend.HugePages()
	cli.Main("eval", run)
}

func run(ctx context.Context, args []string) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	c, err := configs.Read(o.config, o.overrides...)
	if err != nil {
		return err
	}
	if err := backend.Check(o.network.Backend); err != nil { // before data is generated
		return err
	}
	ds, err := experiment.OpenDataset(ctx, c, "val", experiment.Terminal)
	if err != nil {
		return err
	}
	defer ds.Close()
	a, err := c.Model.Architecture(len(ds.Classes()))
	if err != nil {
		return fmt.Errorf("%s: %w", o.config, err)
	}
	so := o.network.Options()
	so.Architecture, so.Task, so.Classes, so.Precision, so.Checksum = &a, eval.Task(c.Task), ds.Classes(), c.Eval.Precision, true
	weights, err := segment.Open(o.network.Weights, so)
	if err != nil {
		return err
	}
	defer weights.Close()
	fmt.Fprintln(os.Stderr, weights.Backend)
	if weights.Averaged {
		fmt.Fprintln(os.Stderr, "weights: moving averages (train.ema); -ema=false takes those of the step")
	}
	ec, err := o.evaluation(c, weights)
	if err != nil {
		return err
	}
	images := ds.Len()
	if o.limit > 0 {
		images = min(images, o.limit)
	}
	bar := progress.Start("evaluate", images).Rate("images", 1)
	bar.Phase("compiling")
	result, err := eval.Evaluate(ctx, ds, weights.Predictors(), ec, func(done, _ int) { bar.Set(done, "") })
	bar.Finish()
	if ctx.Err() != nil && err != nil && ec.Journal+ec.Save != "" {
		return fmt.Errorf("%w; the same command resumes it", err)
	}
	if err != nil {
		return err
	}
	result.Config, result.Weights = o.config, o.network.Weights
	return errors.Join(o.write(result), o.describe(c))
}

// describe writes the configuration beside the predictions.
func (o options) describe(c configs.Config) error {
	if o.save == "" {
		return nil
	}
	file, err := os.Create(filepath.Join(o.save, "config.yaml"))
	if err != nil {
		return fmt.Errorf("write configuration: %w", err)
	}
	return errors.Join(c.Write(file), file.Close())
}

// evaluation adds to the configured evaluation what the command line asks for.
func (o options) evaluation(c configs.Config, w *segment.Segmenter) (eval.Config, error) {
	ec := experiment.Evaluation(c, w.Architecture)
	ec.ModelClasses = w.Stated
	ec.Protocol, ec.Limit, ec.Save = eval.Protocol(o.protocol), o.limit, o.save
	if o.json != "" && o.save == "" {
		ec.Journal = strings.TrimSuffix(o.json, ".json") + ".images.jsonl"
	}
	if ec.Journal+ec.Save == "" {
		return ec, nil
	}
	hash := sha256.New()
	if err := c.Write(hash); err != nil {
		return ec, err
	}
	ec.Identity = fmt.Sprintf("config %x weights %s", hash.Sum(nil), w.Checksum)
	return ec, nil
}
