package segment

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"eomt/arch"
	"eomt/checkpoints/weights"
	"eomt/data"
	"eomt/eval/inference"
	"eomt/eval/postprocess"
	"eomt/internal/panics"
)

// Options override what [Open] takes from the weights. The zero value overrides
// nothing.
type Options struct {
	Engine  string           // what computes: graph (also if empty), or ort, ort:cuda ...: see [Engine]
	Backend string           // of the graph: xla:cuda, xla:cpu or go; empty: GOMLX_BACKEND, otherwise the best available
	Devices string           // that share out images: all, a number, or a list such as "[0, 2]"; empty is the first. The engine ort has one
	Config  string           // configuration file that states what the weights do not
	Task    postprocess.Task // in place of the one that the weights were trained for
	Score   *float64         // panoptic: in place of the least class probability of a segment
	Classes []data.Class     // in place of a table that is looked up

	// Architecture, if not nil, is what the weights must be compatible with (see
	// [arch.Architecture.Compatible]); position and patch embeddings are resized to it.
	Architecture *arch.Architecture
	// Precision is the number format of activations and products, "f32" or "bf16", in
	// place of the configuration's.
	Precision string
	// Last takes the weights of the checkpoint's step where it also has their moving
	// averages.
	Last bool
	// Checksum asks for [Segmenter.Checksum].
	Checksum bool
}

// Segmenter segments images with one network. Its methods are safe for concurrent
// use.
type Segmenter struct {
	Description
	Backend  string // what computes, why it was chosen, and what was passed over
	Averaged bool   // the weights are moving averages over the steps of a run (train.ema)
	Checksum string // of the weights' values, where [Options].Checksum asked for it

	devices *devices
}

// Open reads weights (a run folder, a checkpoint, a Hugging Face folder, a file of
// safetensors or an official pytorch_model.bin) and brings them to a device. The engine
// ort also opens an ONNX file that this project wrote.
func Open(path string, o Options) (*Segmenter, error) {
	chosen, err := ParseEngine(o.Engine)
	if err != nil {
		return nil, fmt.Errorf("segment: %w", err)
	}
	if err := chosen.checkDevices(o.Devices); err != nil {
		return nil, fmt.Errorf("segment: %w", err)
	}
	if !IsONNX(path) {
		return openWeights(path, chosen, o)
	}
	s, err := openONNX(path, chosen, o)
	if err != nil {
		return nil, fmt.Errorf("segment: %s: %w", path, err)
	}
	return s, nil
}

func openWeights(path string, chosen Engine, o Options) (s *Segmenter, err error) {
	open := weights.Open
	if o.Last {
		open = weights.OpenLast
	}
	stored, err := open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, stored.Close()) }()
	s = &Segmenter{Averaged: stored.Loading.Averaged > 0}
	if s.Description, err = Describe(stored, o); err != nil {
		return nil, fmt.Errorf("segment: %s: %w", path, err)
	}
	engines := make([]engine, 1)
	err = panics.Recover(func() (err error) {
		if chosen.Name == EngineORT {
			engines[0], err = newORT(stored, s, chosen.Provider, o)
		} else {
			engines, err = newGraphs(stored, s, o)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("segment: %s: %w", path, err)
	}
	s.devices = newDevices(engines...)
	return s, nil
}

// Close frees the devices' memory, after the images in progress. Callers that are still
// waiting get [ErrClosed].
func (s *Segmenter) Close() { s.devices.close() }

// Segment segments one image.
func (s *Segmenter) Segment(ctx context.Context, img data.RGB) (*Segments, error) {
	if img.W <= 0 || img.H <= 0 || len(img.Pix) != 3*img.W*img.H {
		return nil, fmt.Errorf("segment: an image of %d x %d pixels with %d bytes: want 3 bytes per pixel", img.W, img.H, len(img.Pix))
	}
	var found *Segments
	err := s.Run(ctx, single{img}, []int{0}, 1, nil, func(r inference.Result) error {
		found = List(s.Classes, img.W, img.H, r.Segmentation)
		return nil
	})
	return found, err
}

// single is a source of one image.
type single struct{ img data.RGB }

func (s single) Load(int) (*data.Sample, error) {
	return &data.Sample{Name: "image", Image: s.img}, nil
}

// Run segments many images, as [inference.Run] describes: batch inputs at once,
// skipping what skip, if not nil, returns nil for.
func (s *Segmenter) Run(ctx context.Context, src inference.Source, indices []int, batch int,
	skip func(i int, err error) error, each func(inference.Result) error) error {
	return inference.Run(ctx, src, indices, s.predictors(ctx), inference.Config{Task: s.Task, Classes: s.Classes,
		ImageH: s.Architecture.ImageH(), ImageW: s.Architecture.ImageW(), Batch: batch,
		Score: s.Score, Overlap: s.Overlap, TopK: s.TopK, LoadFailed: skip}, each)
}

// Predict runs the network on uint8 RGB images [b, H, W, 3] of its size. It makes
// the Segmenter an [inference.Predictor].
func (s *Segmenter) Predict(images []uint8, b int) (postprocess.Logits, error) {
	return s.devices.predict(context.Background(), images, b)
}

// PredictPixels runs the network on ImageNet-normalised float32 images [b, 3, H, W] of
// its size. An engine that was exported for bytes cannot: see [Segmenter.TakesPixels].
func (s *Segmenter) PredictPixels(pixels []float32, b int) (postprocess.Logits, error) {
	return s.devices.with(context.Background(), func(e engine) (postprocess.Logits, error) {
		if p, ok := e.(pixelEngine); ok {
			return p.PredictPixels(pixels, b)
		}
		return postprocess.Logits{}, errors.New("segment: the engine takes images of bytes only")
	})
}

// TakesPixels reports whether [Segmenter.PredictPixels] can be called: always with the
// engine graph, with ort where an ONNX file with float input is open.
func (s *Segmenter) TakesPixels() bool {
	if o, ok := s.devices.all[0].(*onnxSession); ok {
		return !o.uint8
	}
	_, ok := s.devices.all[0].(pixelEngine)
	return ok
}

// Predictors share out batches over the Segmenter's devices.
func (s *Segmenter) Predictors() inference.Several { return s.predictors(context.Background()) }

// predictors are one for each device, until ctx ends.
func (s *Segmenter) predictors(ctx context.Context) inference.Several {
	one := inference.PredictFunc(func(images []uint8, b int) (postprocess.Logits, error) {
		return s.devices.predict(ctx, images, b)
	})
	return slices.Repeat(inference.Several{one}, len(s.devices.all))
}
