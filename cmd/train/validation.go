package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gomlx/compute"

	"eomt/checkpoints"
	"eomt/cmd/internal/app"
	"eomt/configs"
	"eomt/data"
	"eomt/eval"
	"eomt/internal/atomicfile"
	"eomt/internal/progress"
	"eomt/model"
	"eomt/train"
)

// validation evaluates the run's state on the validation split.
type validation struct {
	config  configs.Config
	network model.Network
	backend compute.Backend
	set     data.DatasetCloser
	dir     string // the run folder
}

// run evaluates, prints the table and writes eval/step-NNNNNNNN.json. The folder
// of that name holds the predictions and what each image counts, from which an
// interrupted evaluation of the same weights goes on.
func (v *validation) run(ctx context.Context, state *train.State, maskProbs []float64) (checkpoints.Metric, error) {
	predictor, err := model.NewPredictor(v.backend, v.network, state.Params, maskProbs, app.MatMul(v.config.Train.Precision))
	if err != nil {
		return checkpoints.Metric{}, err
	}
	defer predictor.Close()
	name := fmt.Sprintf("step-%08d", state.Step)
	c := app.Evaluation(v.config, v.network.Architecture())
	c.Save = filepath.Join(v.dir, "eval", name)
	if c.Identity, err = (&app.Weights{Params: state.Params, MaskProbs: maskProbs}).Identity(); err != nil {
		return checkpoints.Metric{}, err
	}
	bar := progress.Start("evaluate", v.set.Len())
	report, err := eval.Evaluate(ctx, v.set, app.Predictor(predictor), c, func(done, _ int) { bar.Set(done, "") })
	bar.Finish()
	if err != nil {
		return checkpoints.Metric{}, err
	}
	report.Config = filepath.Join(v.dir, "config.yaml")
	report.Weights = filepath.Join(v.dir, "checkpoints", name)
	outcome := report.Outcomes[0]
	fmt.Printf("step %d, %d validation images\n", state.Step, len(report.Records))
	app.WriteOutcome(os.Stdout, outcome)
	metric, value := outcome.Headline()
	if err := v.write(name, report); err != nil {
		return checkpoints.Metric{}, err
	}
	return checkpoints.Metric{Name: metric, Value: value, Step: state.Step}, v.prune(name)
}

// prune removes the predictions of all evaluations but the latest and that of
// the best checkpoint, so that disk space stays bounded.
func (v *validation) prune(latest string) error {
	best := ""
	if path, err := filepath.EvalSymlinks(filepath.Join(v.dir, "checkpoints", checkpoints.Best)); err == nil {
		best = filepath.Base(path)
	}
	folder := filepath.Join(v.dir, "eval")
	entries, err := os.ReadDir(folder)
	if err != nil {
		return fmt.Errorf("remove old predictions: %w", err)
	}
	for _, entry := range entries {
		if !entry.IsDir() || entry.Name() == latest || entry.Name() == best {
			continue
		}
		if err := eval.DropPredictions(filepath.Join(folder, entry.Name())); err != nil {
			return err
		}
	}
	return nil
}

func (v *validation) write(name string, report *eval.Result) error {
	folder := filepath.Join(v.dir, "eval")
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return fmt.Errorf("write results: %w", err)
	}
	text, err := json.MarshalIndent(report, "", " ")
	if err != nil {
		return fmt.Errorf("write results: %w", err)
	}
	if err := atomicfile.WriteBytes(filepath.Join(folder, name+".json"), append(text, '\n')); err != nil {
		return fmt.Errorf("write results: %w", err)
	}
	return nil
}
