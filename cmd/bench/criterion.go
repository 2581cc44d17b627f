package main

import (
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"eomt/data"
	"eomt/internal/backend"
	"eomt/losses"
	"eomt/matcher"
)

// graphWork is a work that calls a graph on arguments and waits for its results.
func graphWork(o options, args []any, build func(in []*Node) []*Node) (*work, error) {
	b, err := backend.Open(o.choice)
	if err != nil {
		return nil, err
	}
	var graph *Graph
	exec, err := NewExec(b, func(in []*Node) []*Node {
		graph = in[0].Graph()
		return build(in)
	})
	if err != nil {
		return nil, err
	}
	temporary := func() int64 {
		m, _ := backend.MemoryOf(graph.Executable())
		return m.Temporary
	}
	return &work{close: exec.Finalize, temporary: temporary, run: func() error {
		out, err := exec.Call(args...)
		if err != nil {
			return err
		}
		for _, t := range out {
			if err := t.ConstBytes(func([]byte) {}); err != nil { // brings it to the host
				return fmt.Errorf("a result: %w", err)
			}
			if err := t.FinalizeAll(); err != nil {
				return fmt.Errorf("a result: %w", err)
			}
		}
		return nil
	}}, nil
}

// predictions is how many are compared with the targets.
func (o options) predictions() int { return o.architecture.Predictions() }

func prepareMatcher(_ context.Context, o options) (*work, error) {
	problems, places, queries := o.predictions()*o.batch, data.Bucket(o.targets), o.architecture.Queries
	valid := make([]bool, problems*places)
	for i := range valid {
		valid[i] = i%places < o.targets
	}
	args := []any{random(1, problems, places, queries), tensors.FromFlatDataAndDimensions(valid, problems, places)}
	return graphWork(o, args, func(in []*Node) []*Node { return []*Node{matcher.Assign(in[0], in[1])} })
}

func preparePoints(_ context.Context, o options) (*work, error) {
	c, config := o.architecture, losses.Defaults()
	places := data.Bucket(o.targets)
	maps := o.batch * places
	args := []any{[]uint64{1, 2, 3}}
	for i := range o.predictions() {
		args = append(args, random(uint64(i), maps, c.MaskH(), c.MaskW()))
	}
	return graphWork(o, args, func(in []*Node) []*Node {
		var out []*Node
		for i, p := range losses.DrawPoints(config, in[0], nil, losses.Drawn{Predictions: o.predictions(), Images: o.batch, Targets: places}, dtypes.Float32) {
			candidates := Reshape(p.CandidatesBM2, maps, -1, 2)
			logits := losses.SampleMaps(in[1+i], candidates)
			chosen := int(float64(config.Points) * config.Importance)
			out = append(out, losses.MostUncertain(candidates, logits, chosen), p.CostBP2, p.FreshBM2)
		}
		return out
	})
}

func prepareLosses(_ context.Context, o options) (*work, error) {
	c, n := o.architecture, o.predictions()
	var args []any
	for i := range n {
		args = append(args, random(uint64(i), o.batch, c.MaskH(), c.MaskW(), c.Width))
	}
	for i := range n {
		args = append(args, random(uint64(n+i), o.batch, c.Queries, c.Width))
	}
	for i := range n {
		args = append(args, random(uint64(2*n+i), o.batch, c.Queries, c.Classes+1))
	}
	args = append(args, []uint64{1, 2, 3})
	args = append(args, makeBatch(o).targetTensors()...)
	return graphWork(o, args, func(in []*Node) []*Node {
		masks := make([]losses.Masks, n)
		for i := range masks {
			masks[i] = losses.Masks{FeaturesBhwD: in[i], EmbeddingBQD: in[n+i]}
		}
		state, planes, classes, valid := in[3*n], in[3*n+1], in[3*n+2], in[3*n+3]
		total, _ := losses.Criterion(losses.Defaults(), masks, in[2*n:3*n],
			losses.Targets{PlanesBHWW: planes, ClassesBM: classes, ValidBM: valid}, state)
		return append([]*Node{total}, Gradient(total, in[:3*n]...)...)
	})
}

// random is a tensor of numbers in [-3, 3).
func random(seed uint64, dims ...int) *tensors.Tensor {
	size := 1
	for _, n := range dims {
		size *= n
	}
	rng, values := rand.New(rand.NewPCG(seed, 3)), make([]float32, size)
	for i := range values {
		values[i] = 6*rng.Float32() - 3
	}
	return tensors.FromFlatDataAndDimensions(values, dims...)
}
