package postprocess

import (
	"fmt"

	"eomt/data/transform"
)

// Task is what an image is segmented into.
type Task string

const (
	TaskPanoptic Task = "panoptic" // things and stuff that do not overlap
	TaskInstance Task = "instance" // things, which may overlap
	TaskSemantic Task = "semantic" // a class for each pixel
)

// Segmentation is what a model found in one image, at the image's original size.
// The field of its task is set; classes are contiguous indices.
type Segmentation struct {
	Task      Task
	Panoptic  *PanopticMap
	Instances []Detection
	Semantic  *Labels
}

// Options configure the post-processing of logits to a [Segmentation].
type Options struct {
	Task           Task
	Score, Overlap float64 // panoptic: see [PanopticOptions]
	Stuff          []bool  // panoptic: [C], classes whose segments are joined
	TopK           int     // instance: detections per image
}

// Placement is how an image was placed in the model's input: fitted into one input
// (panoptic and instance), or covered by square windows (semantic).
type Placement struct {
	Fit     transform.Geometry
	Windows transform.WindowPlan
}

// Inputs is the number of inputs that the image was cut into.
func (p Placement) Inputs() int { return max(1, len(p.Windows.Starts)) }

// Apply turns the logits of one image's inputs into its segmentation. It panics if
// their number is not that of p, their slices have not their lengths, or o's task
// is unknown.
func (o Options) Apply(inputs []Logits, p Placement) Segmentation {
	s := Segmentation{Task: o.Task}
	switch o.Task {
	case TaskPanoptic:
		found := Panoptic(inputs[0], p.Fit, PanopticOptions{Score: o.Score, Overlap: o.Overlap, Stuff: o.Stuff})
		s.Panoptic = &found
	case TaskInstance:
		s.Instances = Instances(inputs[0], p.Fit, o.TopK)
	case TaskSemantic:
		found := Semantic(inputs, p.Windows)
		s.Semantic = &found
	default:
		panic(fmt.Sprintf("postprocess: unknown task %q", o.Task))
	}
	return s
}
