package weights

import (
	"eomt/checkpoints"
	"eomt/data"
)

// processorName is transformers' file that describes image preprocessing.
const processorName = "preprocessor_config.json"

// segmentation is what a folder of Hugging Face's has beside transformers' own
// fields, under the key "segmentation" of config.json: transformers keeps fields
// that it does not know.
type segmentation struct {
	Task       string                  `json:"task,omitempty"`
	Classes    []data.Class            `json:"classes,omitempty"`
	Thresholds *checkpoints.Thresholds `json:"thresholds,omitempty"`
}

// ImageNet's statistics, by which pixels in [0, 1] are normalised.
var (
	pixelMean = []float32{.485, .456, .406}
	pixelStd  = []float32{.229, .224, .225}
)

// processor is the preprocessor_config.json with which transformers'
// EomtImageProcessor prepares images as this project does: the longer side resized
// to the input and the rest padded, or for semantic segmentation the shorter side
// resized and square windows cut along the longer one.
func (m *Model) processor() map[string]any {
	side := m.Architecture.ImageH()
	size := map[string]any{"shortest_edge": side, "longest_edge": side}
	windows := m.Task == "semantic"
	if windows {
		size["longest_edge"] = nil
	}
	return map[string]any{
		"image_processor_type": "EomtImageProcessor",
		"do_resize":            true, "size": size, "default_to_square": false, "resample": 2,
		"do_rescale": true, "rescale_factor": 1.0 / 255,
		"do_normalize": true, "image_mean": pixelMean, "image_std": pixelStd,
		"do_pad": !windows, "do_split_image": windows,
	}
}
