package experiment

import (
	"context"
	"encoding/json"
	"errors"
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

// validate evaluates the state on the validation split, or on the first eval.limit
// images of it, and draws some of them.
func (r *Run) validate(ctx context.Context, state *train.State, maskProbs []float64) (checkpoints.Metric, error) {
	c := Evaluation(r.Config.Config, r.Architecture)
	if c.Limit >= r.val.Len() {
		c.Limit = 0
	}
	predictor, err := r.predictorOf(state, maskProbs)
	if err != nil {
		return checkpoints.Metric{}, err
	}
	result, err := r.evaluate(ctx, state, maskProbs, predictor, c)
	if err != nil {
		return checkpoints.Metric{}, err
	}
	if err := r.draw(ctx, state.Step, predictor, c); err != nil {
		return checkpoints.Metric{}, err
	}
	metric, value := result.Outcomes[0].Headline()
	return checkpoints.Metric{Name: metric, Value: value, Step: state.Step, Images: c.Limit}, nil
}

// evaluateWhole evaluates the state on all images, unless that has been done.
func (r *Run) evaluateWhole(ctx context.Context, state *train.State, maskProbs []float64) error {
	var done struct {
		Images int `json:"images"`
	}
	raw, err := os.ReadFile(filepath.Join(r.options.Dir, "eval", stepName(state.Step)+".json"))
	there, err := r.asFirst(err == nil && json.Unmarshal(raw, &done) == nil && done.Images == r.val.Len())
	if there || err != nil {
		return err
	}
	c := Evaluation(r.Config.Config, r.Architecture)
	c.Limit = 0
	predictor, err := r.predictorOf(state, maskProbs)
	if err == nil {
		_, err = r.evaluate(ctx, state, maskProbs, predictor, c)
	}
	return err
}

// stepName names what belongs to a step, as its checkpoint is named.
func stepName(step int) string { return fmt.Sprintf("step-%08d", step) }

// evaluate evaluates the state, by its moving averages if it has them, prints the table
// and writes eval/step-NNNNNNNN.json. The folder of that name holds the predictions and
// a journal, from which an interrupted evaluation of the same weights resumes.
func (r *Run) evaluate(ctx context.Context, state *train.State, maskProbs []float64, predictor inference.Predictor, c eval.Config) (*eval.Result, error) {
	name, images := stepName(state.Step), r.val.Len()
	if c.Limit > 0 {
		images = c.Limit
	}
	c.Save = filepath.Join(r.options.Dir, "eval", name)
	if r.options.Hosts != nil {
		c.Shared = r.options.Hosts
	}
	averaged, err := state.Averaged()
	if err != nil {
		return nil, err
	}
	if c.Identity, err = identity(averaged, maskProbs); err != nil {
		return nil, err
	}
	display := r.options.Watch.start("evaluate", images, "images", 1)
	result, err := eval.Evaluate(ctx, r.val, predictor, c, func(done, _ int) { display.Set(done, "") })
	display.Finish()
	if errors.Is(err, eval.ErrStopped) {
		return nil, train.ErrInterrupted
	}
	if err != nil {
		return nil, err
	}
	result.Config = filepath.Join(r.options.Dir, configFile)
	result.Weights = filepath.Join(r.options.Dir, "checkpoints", name)
	r.lastEval = result
	if err := r.writeResult(name, result); err != nil {
		return nil, err
	}
	fmt.Fprintf(r.options.Results, "step %d, %s\n", state.Step, imagesOf(images, r.val.Len()))
	WriteOutcome(r.options.Results, result.Outcomes[0])
	return result, r.prune(name)
}

func imagesOf(n, all int) string {
	if n == all {
		return fmt.Sprintf("%d validation images", n)
	}
	return fmt.Sprintf("the first %d of %d validation images", n, all)
}

// predictorOf predicts with the state's values on each of its devices. Their programs
// are kept, so that no validation but the first compiles the network.
func (r *Run) predictorOf(state *train.State, maskProbs []float64) (inference.Predictor, error) {
	averaged, err := state.Averaged()
	if err != nil {
		return nil, err
	}
	if r.predictor == nil {
		r.predictor, err = model.NewPredictor(r.device, r.network, averaged, maskProbs, Precision(r.Config.Eval.Precision))
	} else {
		err = r.predictor.Use(averaged, maskProbs)
	}
	if err != nil {
		return nil, err
	}
	var all inference.Several
	for i, replica := range state.Replicas() {
		if i > 0 { // the first is the state itself
			if averaged, err = replica.Averaged(); err != nil {
				return nil, err
			}
		}
		all = append(all, Predictor(r.predictor.On(replica.Device(), averaged)))
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
