package main

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"eomt/data"
	"eomt/internal/backend"
	"eomt/losses"
	"eomt/model"
	"eomt/train"
)

// described is a work of the whole model with this many predict steps.
func described(o options, predictions int) *work {
	w := &work{close: func() {}, multiplyAdds: int64(o.batch) * o.architecture.MultiplyAdds(predictions)}
	for _, p := range o.architecture.Parameters() {
		w.parameters += int64(p.Size())
	}
	return w
}

func prepareFLOPs(_ context.Context, o options) (*work, error) { return described(o, 1), nil }

func prepareForward(_ context.Context, o options) (*work, error) {
	b, err := backend.Open(o.choice)
	if err != nil {
		return nil, err
	}
	state, err := train.NewState(o.architecture, nil, 1, dtypes.Float32)
	if err != nil {
		return nil, err
	}
	network, err := model.New(o.architecture)
	if err != nil {
		return nil, err
	}
	predictor, err := model.NewPredictor(b, network, state.Values(), nil, o.dtype())
	if err != nil {
		return nil, err
	}
	images := makeBatch(o).Images
	w := described(o, 1)
	w.close = predictor.Close
	w.temporary = func() int64 {
		m, _ := predictor.Memory()
		return m.Temporary
	}
	w.run = func() error {
		_, err := predictor.Predict(images, o.batch)
		return err
	}
	return w, nil
}

func prepareForwardMasked(_ context.Context, o options) (*work, error) {
	a := o.architecture
	network, err := model.New(a)
	if err != nil {
		return nil, err
	}
	state, err := train.NewState(a, nil, 1, dtypes.Float32)
	if err != nil {
		return nil, err
	}
	args := []any{makeBatch(o).imageTensor()}
	for _, p := range state.Values() {
		args = append(args, p)
	}
	w, err := graphWork(o, args, func(in []*Node) []*Node {
		p := network.Forward(model.Bind(a, in[1:]), model.Normalize(in[0], dtypes.Float32), model.Options{Masking: &model.Masking{}, Precision: o.dtype()})
		out := p.ClassLogitsBQC
		for _, m := range p.Masks {
			out = append(out, m.LogitsBhwQ())
		}
		return out
	})
	if err != nil {
		return nil, err
	}
	whole := described(o, a.Predictions())
	w.parameters, w.multiplyAdds = whole.parameters, whole.multiplyAdds
	return w, nil
}

func prepareStep(_ context.Context, o options) (*work, error) {
	b, err := backend.Open(o.choice)
	if err != nil {
		return nil, err
	}
	const total = 1 << 20 // never reached: masks stay on in all query blocks
	a := o.architecture
	network, err := model.New(a)
	if err != nil {
		return nil, err
	}
	step, err := train.NewStep(b, train.StepConfig{Network: network, Loss: losses.Defaults(), BatchSize: o.batch, Accumulate: o.accumulate,
		Optimizer: train.DefaultOptimizer(), Precision: o.dtype(), Remat: model.Remat(o.remat), Devices: o.deviceNumbers(),
		Schedule: train.Schedule{Total: total, Annealing: train.AnnealingRule(total, a.AnnealedBlocks())}})
	if err != nil {
		return nil, err
	}
	state, err := train.NewState(a, nil, 1, dtypes.Float32)
	if err != nil {
		return nil, err
	}
	if err := step.Place(state); err != nil {
		return nil, err
	}
	batch := makeBatch(o)
	w := described(o, a.Predictions())
	w.temporary = func() int64 {
		m, err := step.Memory(o.batch/o.accumulate/o.devices, batch.M, o.accumulate > 1, dtypes.Float32)
		if err != nil {
			return 0
		}
		return m.Program.Temporary
	}
	w.multiplyAdds *= 3 // the gradient takes two products for each one of the forward pass
	w.run = func() error {
		l, err := step.Run(state, batch.Batch)
		if err == nil && !l.Finite() {
			err = fmt.Errorf("the loss is %v, the gradient norm %v", l.Total, l.GradientNorm)
		}
		return err
	}
	return w, nil
}

// dtype is that of activations and products, 0 for the parameters' own.
func (o options) dtype() dtypes.DType {
	if o.precision == "bf16" {
		return dtypes.BFloat16
	}
	return 0
}

// deviceNumbers are the devices of a step.
func (o options) deviceNumbers() (list []compute.DeviceNum) {
	for i := range o.devices {
		list = append(list, compute.DeviceNum(i))
	}
	return list
}

// batch is a training batch of random images and targets.
type batch struct{ *data.Batch }

// makeBatch draws a batch whose targets are overlapping discs.
func makeBatch(o options) batch {
	rng := rand.New(rand.NewPCG(1, 2))
	side, m := o.image, data.Bucket(o.targets)
	b := &data.Batch{B: o.batch, H: side, W: side, M: m, Names: make([]string, o.batch),
		Images: make([]uint8, o.batch*side*side*3), Classes: make([]int32, o.batch*m), Valid: make([]bool, o.batch*m)}
	for i := range b.Images {
		b.Images[i] = uint8(rng.Uint32())
	}
	for i := range o.batch {
		planes := data.NewPlanes(side, side, m)
		for k := range o.targets {
			b.Classes[i*m+k], b.Valid[i*m+k] = rng.Int32N(int32(o.architecture.Classes)), true
			cx, cy, r := rng.Float64()*float64(side), rng.Float64()*float64(side), float64(side)*(0.05+0.2*rng.Float64())
			for y := range side {
				for x := range side {
					if math.Hypot(float64(x)-cx, float64(y)-cy) < r {
						planes.Set(x, y, k)
					}
				}
			}
		}
		b.Masks = append(b.Masks, planes.Bits...)
	}
	return batch{b}
}

func (b batch) imageTensor() *tensors.Tensor {
	return tensors.FromFlatDataAndDimensions(b.Images, b.B, b.H, b.W, 3)
}

// targetTensors are planes, classes and which are valid.
func (b batch) targetTensors() []any {
	words := len(b.Masks) / (b.B * b.H * b.W)
	return []any{
		tensors.FromFlatDataAndDimensions(b.Masks, b.B, b.H, b.W, words),
		tensors.FromFlatDataAndDimensions(b.Classes, b.B, b.M),
		tensors.FromFlatDataAndDimensions(b.Valid, b.B, b.M),
	}
}
