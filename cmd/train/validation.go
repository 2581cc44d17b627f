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
	"eomt/cmd/internal/progress"
	"eomt/configs"
	"eomt/eval"
	"eomt/model"
	"eomt/train"
)

// validation evaluates the run's state on the validation split.
type validation struct {
	config  configs.Config
	model   model.Config
	backend compute.Backend
	set     app.Dataset
	dir     string // the run folder
}

// run evaluates, prints the table and writes eval/step-NNNNNNNN.json.
func (v *validation) run(ctx context.Context, state *train.State, maskProbs []float64) (checkpoints.Metric, error) {
	predictor, err := model.NewPredictor(v.backend, v.model, state.Params, maskProbs, app.MatMul(v.config.Train.Precision))
	if err != nil {
		return checkpoints.Metric{}, err
	}
	defer predictor.Close()
	bar := progress.Start("evaluate", v.set.Len())
	report, err := eval.Evaluate(ctx, v.set, app.Predictor(predictor), app.Evaluation(v.config, v.model),
		func(done, _ int) { bar.Set(done, "") })
	bar.Finish()
	if err != nil {
		return checkpoints.Metric{}, err
	}
	name := fmt.Sprintf("step-%08d", state.Step)
	report.Config = filepath.Join(v.dir, "config.yaml")
	report.Weights = filepath.Join(v.dir, "checkpoints", name)
	outcome := report.Outcomes[0]
	fmt.Printf("step %d, %d validation images\n", state.Step, len(report.Records))
	app.WriteOutcome(os.Stdout, outcome)
	metric, value := outcome.Headline()
	return checkpoints.Metric{Name: metric, Value: value, Step: state.Step}, v.write(name, report)
}

func (v *validation) write(name string, report *eval.Report) error {
	folder := filepath.Join(v.dir, "eval")
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return fmt.Errorf("write results: %w", err)
	}
	text, err := json.MarshalIndent(report, "", " ")
	if err != nil {
		return fmt.Errorf("write results: %w", err)
	}
	if err := os.WriteFile(filepath.Join(folder, name+".json"), append(text, '\n'), 0o666); err != nil {
		return fmt.Errorf("write results: %w", err)
	}
	return nil
}
