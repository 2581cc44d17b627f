package experiment

import (
	"io"

	"eomt/arch"
	"eomt/configs"
	"eomt/data/formats"
	"eomt/eval"
	"eomt/eval/inference"
	"eomt/eval/iou"
	"eomt/eval/postprocess"
	"eomt/eval/scoring"
	"eomt/model"
)

// Evaluation is how a configuration evaluates its model, by the official rules.
func Evaluation(c configs.Config, a arch.Architecture) eval.Config {
	format, _ := formats.Named(c.Data.Format) // which configs.Read has checked
	e := c.Eval
	e.Task, e.Protocol, e.Absent = eval.Task(c.Task), eval.Exact, iou.AbsentOf(format)
	e.ImageH, e.ImageW = a.ImageH(), a.ImageW()
	return e
}

// Predictor is a model's predictor as evaluation takes it.
func Predictor(p *model.Predictor) inference.Predictor {
	return inference.PredictFunc(func(images []uint8, b int) (postprocess.Logits, error) {
		l, err := p.Predict(images, b)
		return postprocess.Logits(l), err
	})
}

// WriteOutcome prints an evaluation's table as the official tools lay it out.
func WriteOutcome(w io.Writer, o eval.Outcome) {
	switch {
	case o.Panoptic != nil:
		scoring.WritePanoptic(w, *o.Panoptic)
	case o.Instance != nil:
		scoring.WriteInstances(w, *o.Instance)
	default:
		scoring.WriteSemantic(w, *o.Semantic)
	}
}
