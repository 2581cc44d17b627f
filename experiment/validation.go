package experiment

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"eomt/checkpoints"
	"eomt/eval"
	"eomt/eval/inference"
	"eomt/internal/atomicfile"
	"eomt/model"
	"eomt/train"
)

// validate evaluates the state, by its moving averages where it has them, on the validation split, prints the table and writes
// eval/step-NNNNNNNN.json. The folder of that name holds the predictions and a
// journal, from which an interrupted evaluation of the same weights resumes.
func (r *Run) validate(ctx context.Context, state *train.State, maskProbs []float64) (checkpoints.Metric, error) {
	predictor, err := r.predictorOf(state, maskProbs)
	if err != nil {
		return checkpoints.Metric{}, err
	}
	name := fmt.Sprintf("step-%08d", state.Step)
	c := Evaluation(r.Config.Config, r.Architecture)
	c.Save = filepath.Join(r.options.Dir, "eval", name)
	if c.Identity, err = identity(state.Averaged(), maskProbs); err != nil {
		return checkpoints.Metric{}, err
	}
	display := r.options.Watch.start("evaluate", r.val.Len(), "images", 1)
	result, err := eval.Evaluate(ctx, r.val, predictor, c, func(done, _ int) { display.Set(done, "") })
	display.Finish()
	if err != nil {
		return checkpoints.Metric{}, err
	}
	result.Config = filepath.Join(r.options.Dir, configFile)
	result.Weights = filepath.Join(r.options.Dir, "checkpoints", name)
	r.lastEval = result
	if err := r.writeResult(name, result); err != nil {
		return checkpoints.Metric{}, err
	}
	fmt.Fprintf(r.options.Results, "step %d, %d validation images\n", state.Step, len(result.Records))
	WriteOutcome(r.options.Results, result.Outcomes[0])
	metric, value := result.Outcomes[0].Headline()
	return checkpoints.Metric{Name: metric, Value: value, Step: state.Step}, r.prune(name)
}

// predictorOf predicts with the state's values on each of its devices. Their programs
// are kept, so that no validation but the first compiles the network.
func (r *Run) predictorOf(state *train.State, maskProbs []float64) (inference.Predictor, error) {
	var err error
	if r.predictor == nil {
		r.predictor, err = model.NewPredictor(r.device, r.network, state.Averaged(), maskProbs, Precision(r.Config.Eval.Precision))
	} else {
		err = r.predictor.Use(state.Averaged(), maskProbs)
	}
	if err != nil {
		return nil, err
	}
	var all inference.Several
	for _, replica := range state.Replicas() {
		all = append(all, Predictor(r.predictor.On(replica.Device(), replica.Averaged())))
	}
	return all, nil
}

// prune removes the predictions of all evaluations but the latest and that of the
// best checkpoint, so that disk space stays bounded.
func (r *Run) prune(latest string) error {
	best := ""
	if path, err := filepath.EvalSymlinks(filepath.Join(r.options.Dir, "checkpoints", checkpoints.Best)); err == nil {
		best = filepath.Base(path)
	}
	folder := filepath.Join(r.options.Dir, "eval")
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

func (r *Run) writeResult(name string, result *eval.Result) error {
	folder := filepath.Join(r.options.Dir, "eval")
	text, err := json.MarshalIndent(result, "", " ")
	if err == nil {
		err = os.MkdirAll(folder, 0o777)
	}
	if err == nil {
		err = atomicfile.WriteBytes(filepath.Join(folder, name+".json"), append(text, '\n'))
	}
	if err != nil {
		return fmt.Errorf("write results: %w", err)
	}
	return nil
}
