package report

import (
	"slices"

	"eomt/eval"
)

// Published is a figure from the paper, as printed there.
type Published struct {
	Task                       eval.Task
	Benchmark                  string // the data set: "coco", "ade20k" or "cityscapes", validation split
	Model, Data, Metric, Value string
}

// PublishedSource is the source of [PublishedFigures].
const PublishedSource = "EoMT, CVPR 2025 (arXiv 2503.19108)"

// PublishedFigures are the paper's results for a task on a data set, none for other
// data sets. They are shown separately from a run's own results.
func PublishedFigures(t eval.Task, benchmark string) []Published {
	var list []Published
	for _, p := range published {
		if p.Task == t && p.Benchmark == benchmark {
			list = append(list, p)
		}
	}
	return list
}

// Published are the published figures on the data sets of the analysed runs.
func (a *Analysis) Published() []Published {
	var list []Published
	var done []string
	for _, r := range a.Runs {
		if !slices.Contains(done, r.Benchmark) {
			done = append(done, r.Benchmark)
			list = append(list, PublishedFigures(r.Task, r.Benchmark)...)
		}
	}
	return list
}

const (
	cocoPanoptic = "COCO panoptic val2017"
	cocoInstance = "COCO instance val2017"
	adePanoptic  = "ADE20K panoptic val"
	adeSemantic  = "ADE20K semantic val"
	cityscapes   = "Cityscapes semantic val"
)

var published = []Published{
	{eval.Panoptic, "coco", "EoMT-S, 640 px", cocoPanoptic, "PQ", "44.7"},
	{eval.Panoptic, "coco", "EoMT-S, 640 px, 2x schedule", cocoPanoptic, "PQ", "46.7"},
	{eval.Panoptic, "coco", "EoMT-B, 640 px", cocoPanoptic, "PQ", "50.6"},
	{eval.Panoptic, "coco", "EoMT-B, 640 px, 2x schedule", cocoPanoptic, "PQ", "51.6"},
	{eval.Panoptic, "coco", "EoMT-L, 640 px", cocoPanoptic, "PQ", "56.0"},
	{eval.Panoptic, "coco", "EoMT-g, 640 px", cocoPanoptic, "PQ", "57.0"},
	{eval.Panoptic, "coco", "EoMT-L, 1280 px", cocoPanoptic, "PQ", "58.3"},
	{eval.Panoptic, "coco", "EoMT-g, 1280 px", cocoPanoptic, "PQ", "59.2"},
	{eval.Panoptic, "coco", "ViT-Adapter + Mask2Former, DINOv2-L, 640 px", cocoPanoptic, "PQ", "57.1"},
	{eval.Panoptic, "ade20k", "EoMT-L", adePanoptic, "PQ", "50.6"},
	{eval.Panoptic, "ade20k", "EoMT-g", adePanoptic, "PQ", "51.3"},
	{eval.Instance, "coco", "EoMT-L, 640 px", cocoInstance, "AP", "45.2"},
	{eval.Instance, "coco", "EoMT-L, 1280 px", cocoInstance, "AP", "48.8"},
	{eval.Semantic, "ade20k", "EoMT-L", adeSemantic, "mIoU", "58.4"},
	{eval.Semantic, "cityscapes", "EoMT-L", cityscapes, "mIoU", "84.2"},
}
