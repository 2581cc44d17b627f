// Command eval evaluates weights on the validation split of a configured data
// set. The table goes to standard output, progress to standard error.
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

	"eomt/arch"
	"eomt/configs"
	"eomt/eval"
	"eomt/experiment"
	"eomt/internal/backend"
	"eomt/internal/cli"
	"eomt/internal/progress"
	"eomt/model"
)

func main() { cli.Main("eval", run) }

// options are the command line.
type options struct {
	config, weights, backend string
	protocol, save, json     string
	limit                    int
	overrides                cli.Overrides
}

func parse(args []string) (options, error) {
	var o options
	f := cli.Flags("eval", "go run ./cmd/eval -config FILE -weights PATH [-protocol exact|upstream|both] [-limit N] [-save-predictions DIR] [-json FILE]",
		"go run ./cmd/eval -config configs/quickstart.yaml -weights runs/quickstart -protocol both -json result.json")
	f.StringVar(&o.config, "config", "", "configuration `FILE`: data set, architecture, thresholds")
	f.StringVar(&o.weights, "weights", "", "`PATH` of a run, a checkpoint, a Hugging Face folder or an official pytorch_model.bin")
	f.StringVar(&o.protocol, "protocol", string(eval.Exact), "`rule`: exact (the official tools'), upstream (the reference implementation's own), or both")
	f.IntVar(&o.limit, "limit", 0, "evaluate the first `N` images only; 0 is all")
	f.StringVar(&o.save, "save-predictions", "", "write to this `folder` predictions in the official formats and each image's statistics; cmd/report takes such a folder as a run")
	f.StringVar(&o.json, "json", "", "also write the results to this `FILE`, and beside it, without -save-predictions, one line per image, from which an interrupted evaluation is resumed")
	f.StringVar(&o.backend, "backend", "", "xla:cuda, xla:cpu or go; by default GOMLX_BACKEND, else the best found")
	f.Var(&o.overrides, "set", "`key=value` over the configuration; may be repeated")
	if err := cli.Parse(f, args); err != nil {
		return o, err
	}
	switch {
	case f.NArg() > 0:
		return o, cli.Usagef("unexpected argument %q", f.Arg(0))
	case o.config == "":
		return o, cli.Usagef("-config is missing: the configuration file")
	case o.weights == "":
		return o, cli.Usagef("-weights is missing: a run folder, a checkpoint or another file of weights")
	case o.protocol != string(eval.Exact) && o.protocol != string(eval.Upstream) && o.protocol != string(eval.Both):
		return o, cli.Usagef("-protocol %s: want exact, upstream or both", o.protocol)
	case o.limit < 0:
		return o, cli.Usagef("-limit %d: want 0 or more images", o.limit)
	}
	if o.json != "" {
		if info, err := os.Stat(filepath.Dir(o.json)); err != nil || !info.IsDir() {
			return o, cli.Usagef("-json %s: its folder does not exist", o.json)
		}
	}
	return o, nil
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
	ds, err := experiment.OpenDataset(ctx, c, "val", os.Stderr, experiment.Terminal)
	if err != nil {
		return err
	}
	defer ds.Close()
	c.Data.Classes = len(ds.Classes())
	a, err := experiment.Architecture(c)
	if err != nil {
		return fmt.Errorf("%s: %w", o.config, err)
	}
	network, err := model.New(a)
	if err != nil {
		return fmt.Errorf("%s: %w", o.config, err)
	}
	weights, err := experiment.LoadWeights(o.weights, a)
	if err != nil {
		return err
	}
	ec, err := o.evaluation(c, a, weights)
	if err != nil {
		return err
	}
	device, _, err := backend.Start(o.backend, os.Stderr)
	if err != nil {
		return err
	}
	predictor, err := model.NewPredictor(device, network, weights.Params, weights.MaskProbs, experiment.MatMul(c.Train.Precision))
	if err != nil {
		return err
	}
	defer predictor.Close()
	images := ds.Len()
	if o.limit > 0 {
		images = min(images, o.limit)
	}
	bar := progress.Start("evaluate", images)
	report, err := eval.Evaluate(ctx, ds, experiment.Predictor(predictor), ec, func(done, _ int) { bar.Set(done, "") })
	bar.Finish()
	if errors.Is(err, context.Canceled) && ec.Journal+ec.Save != "" {
		return fmt.Errorf("%w; the same command resumes it", err)
	}
	if err != nil {
		return err
	}
	report.Config, report.Weights = o.config, o.weights
	return errors.Join(o.write(report), o.describe(c))
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
func (o options) evaluation(c configs.Config, a arch.Architecture, w *experiment.Weights) (eval.Config, error) {
	ec := experiment.Evaluation(c, a)
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
	identity, err := w.Identity()
	if err != nil {
		return ec, err
	}
	ec.Identity = fmt.Sprintf("config %x weights %s", hash.Sum(nil), identity)
	return ec, nil
}

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
	if err := os.WriteFile(o.json, append(text, '\n'), 0o666); err != nil {
		return fmt.Errorf("write results: %w", err)
	}
	return nil
}
