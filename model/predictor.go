package model

import (
	"fmt"
	"slices"
	"sync"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/support/exceptions"

	"eomt/internal/backend"
)

// Predictor runs the inference graph: images in, the final prediction out. It
// compiles once per batch size, with and without masking, and keeps its programs
// when [Predictor.Use] replaces the parameters. It is not safe for concurrent use.
type Predictor struct {
	network       Network
	device        compute.DeviceNum
	params        []*tensors.Tensor
	probs         []float32 // mask probabilities; nil if none is positive
	masked, plain *Exec
	built         *built
}

// built is what the predictors of all devices have compiled.
type built struct {
	mu       sync.Mutex
	programs int
	latest   *Graph
}

// maskSeed is the random state from which masks of unfinished annealing are drawn.
var maskSeed = []uint64{1, 2, 3}

// Logits is the final prediction of B images on the host, row-major.
type Logits struct {
	B, MaskH, MaskW, Queries, Classes int
	Masks                             []float32 // [B, MaskH, MaskW, Queries]
	Class                             []float32 // [B, Queries, Classes+1], no-object last
}

// NewPredictor takes a network's values (float32) in the order of its
// architecture's Tensors. maskProbs, if any is positive, are the mask probabilities
// of the query blocks: the attention of a network whose annealing has not ended
// stays masked, with draws from a fixed seed. precision is the
// dtype of activations and products, 0 for float32.
func NewPredictor(b compute.Backend, n Network, params []*tensors.Tensor, maskProbs []float64, precision dtypes.DType) (*Predictor, error) {
	p := &Predictor{network: n, built: &built{}}
	if err := p.Use(params, maskProbs); err != nil {
		return nil, err
	}
	a := n.Architecture()
	count := len(a.Tensors())
	build := func(masked bool) (*Exec, error) {
		exec, err := NewExec(b, func(in []*Node) []*Node {
			p.built.add(in[0].Graph())
			named, in := Bind(a, in), in[count:]
			opts := Options{Precision: precision}
			if masked {
				shape := shapes.Make(dtypes.Float32, a.MaskBlocks, in[0].Shape().Dimensions[0], a.Queries)
				_, draws := RandomUniform(in[2], shape)
				opts.Masking = &Masking{ProbsL: in[1], DrawsLBQ: draws}
			}
			pixelsBHW3 := in[0]
			if pixelsBHW3.DType() == dtypes.Uint8 {
				pixelsBHW3 = Normalize(pixelsBHW3, dtypes.Float32)
			} else {
				pixelsBHW3 = TransposeAllAxes(pixelsBHW3, 0, 2, 3, 1)
			}
			masks, classes := n.Forward(named, pixelsBHW3, opts).Final()
			return []*Node{masks, classes}
		})
		if err != nil {
			return nil, fmt.Errorf("model: predictor: %w", err)
		}
		return exec.WithName("predict"), nil
	}
	var err error
	if p.plain, err = build(false); err == nil {
		p.masked, err = build(true)
	}
	return p, err
}

// Use replaces the network's values for further predictions, for example after more
// training; compiled programs are kept.
func (p *Predictor) Use(params []*tensors.Tensor, maskProbs []float64) error {
	a := p.network.Architecture()
	if count := len(a.Tensors()); len(params) != count {
		return fmt.Errorf("model: predictor: %d parameters given, the network has %d", len(params), count)
	}
	if len(maskProbs) > 0 && len(maskProbs) != a.MaskBlocks {
		return fmt.Errorf("model: predictor: %d mask probabilities for %d query blocks", len(maskProbs), a.MaskBlocks)
	}
	p.params, p.probs = params, nil
	if slices.ContainsFunc(maskProbs, func(prob float64) bool { return prob > 0 }) {
		p.probs = toFloat32(maskProbs)
	}
	return nil
}

// On is a predictor on another device with the same compiled programs, to be used at
// the same time as p: params are p's values on that device. Close p after it.
func (p *Predictor) On(device compute.DeviceNum, params []*tensors.Tensor) *Predictor {
	other := *p
	other.device, other.params = device, params
	return &other
}

// Memory is what the program compiled last takes, as the backend's compiler reports it;
// false where it reports nothing, or nothing has been compiled.
func (p *Predictor) Memory() (backend.Memory, bool) {
	p.built.mu.Lock()
	defer p.built.mu.Unlock()
	if p.built.latest == nil {
		return backend.Memory{}, false
	}
	return backend.MemoryOf(p.built.latest.Executable())
}

func (b *built) add(g *Graph) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.programs++
	b.latest = g
}

// Predict runs uint8 RGB images [b, ImageH, ImageW, 3], padded to the network's
// size by the caller.
func (p *Predictor) Predict(images []uint8, b int) (Logits, error) {
	a := p.network.Architecture()
	if len(images) != b*a.ImageH()*a.ImageW()*3 {
		return Logits{}, fmt.Errorf("model: predict: %d bytes for %d images of %dx%d", len(images), b, a.ImageW(), a.ImageH())
	}
	return p.run(tensors.FromFlatDataAndDimensions(images, b, a.ImageH(), a.ImageW(), 3), b)
}

// PredictPixels runs ImageNet-normalised float32 images [b, 3, ImageH, ImageW].
func (p *Predictor) PredictPixels(pixels []float32, b int) (Logits, error) {
	a := p.network.Architecture()
	if len(pixels) != b*a.ImageH()*a.ImageW()*3 {
		return Logits{}, fmt.Errorf("model: predict: %d values for %d images of %dx%d", len(pixels), b, a.ImageW(), a.ImageH())
	}
	return p.run(tensors.FromFlatDataAndDimensions(pixels, b, 3, a.ImageH(), a.ImageW()), b)
}

func (p *Predictor) run(input *tensors.Tensor, b int) (Logits, error) {
	a := p.network.Architecture()
	args := make([]any, 0, len(p.params)+3)
	for _, t := range p.params {
		args = append(args, t)
	}
	args = append(args, input)
	exec := p.plain
	if p.probs != nil {
		exec = p.masked
		args = append(args, p.probs, maskSeed)
	}
	var out []*tensors.Tensor
	var err error
	if panicked := exceptions.TryCatch[error](func() { out, _, err = exec.CallWithGraphOnDevice(p.device, args...) }); panicked != nil {
		err = panicked
	}
	if err != nil {
		return Logits{}, fmt.Errorf("model: predict: %w", err)
	}
	l := Logits{B: b, MaskH: a.MaskH(), MaskW: a.MaskW(), Queries: a.Queries, Classes: a.Classes}
	if l.Masks, err = tensors.CopyFlatData[float32](out[0]); err != nil {
		return Logits{}, fmt.Errorf("model: predict: %w", err)
	}
	if l.Class, err = tensors.CopyFlatData[float32](out[1]); err != nil {
		return Logits{}, fmt.Errorf("model: predict: %w", err)
	}
	for _, t := range out {
		if err := t.FinalizeAll(); err != nil {
			return Logits{}, fmt.Errorf("model: predict: %w", err)
		}
	}
	return l, nil
}

// Close frees the compiled programs; the parameters stay the caller's.
func (p *Predictor) Close() {
	p.plain.Finalize()
	p.masked.Finalize()
}

func toFloat32(values []float64) []float32 {
	out := make([]float32, len(values))
	for i, v := range values {
		out[i] = float32(v)
	}
	return out
}
