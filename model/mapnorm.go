package model

import (
	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph"

	"eomt/arch"
)

// mapNormEpsilon is the epsilon of BatchNorm, GroupNorm and the LayerNorms of
// Mask2Former's parts.
const mapNormEpsilon = 1e-5

// batchMomentum is the share of a batch in a BatchNorm's running values.
const batchMomentum = 0.1

// layerNormOf is a LayerNorm of Mask2Former's parts.
func (n *net) layerNormOf(name string, x *Node) *Node {
	return layerNorm(x, n.params.at(name+".weight"), n.params.at(name+".bias"), mapNormEpsilon)
}

// groupNorm normalises groups of channels of a map [B, h, w, C] over pixels and group,
// with biased variance, then scales and shifts each channel.
func (n *net) groupNorm(name string, x *Node) *Node {
	dims := x.Shape().Dimensions
	b, c := dims[0], dims[3]
	grouped := Reshape(widened(x), b, dims[1]*dims[2], arch.NormGroups, c/arch.NormGroups)
	mean := ReduceAndKeep(grouped, ReduceMean, 1, 3)
	centred := Sub(grouped, mean)
	deviation := Sqrt(AddScalar(ReduceAndKeep(Square(centred), ReduceMean, 1, 3), mapNormEpsilon))
	y := ConvertDType(Reshape(Div(centred, deviation), dims...), x.DType())
	return n.addBias(n.scale(y, n.params.at(name+".weight")), n.params.at(name+".bias"))
}

// batchNorm normalises each channel of a map [B, h, w, C], then scales and shifts it:
// in training by mean and biased variance of batch and pixels, of all devices that run
// the graph as replicas, noting the next running values; otherwise by the running values.
func (n *net) batchNorm(name string, x *Node) *Node {
	weight, bias := n.params.at(name+".weight"), n.params.at(name+".bias")
	mean, variance := n.params.at(name+".running_mean"), n.params.at(name+".running_var")
	x = widened(x)
	if n.running != nil {
		c := x.Shape().Dim(3)
		count := float64(x.Shape().Size() / c * replicas(x))
		batchMean := DivScalar(overDevices(columnSums(x)), count)
		centred := Sub(x, alongLastAxis(batchMean, x))
		squares := overDevices(columnSums(Square(centred)))
		n.running[name+".running_mean"] = towards(mean, batchMean)
		n.running[name+".running_var"] = towards(variance, DivScalar(squares, max(count-1, 1)))
		deviation := Sqrt(AddScalar(DivScalar(squares, count), mapNormEpsilon))
		return n.activation(n.addBias(n.scale(centred, Div(weight, deviation)), bias))
	}
	scale := Div(weight, Sqrt(AddScalar(variance, mapNormEpsilon)))
	return n.activation(n.addBias(n.scale(x, scale), Sub(bias, Mul(mean, scale))))
}

// overDevices sums v over the devices that run the graph as replicas. The gradient is
// that of the sum of their losses.
func overDevices(v *Node) *Node {
	if replicas(v) == 1 {
		return v
	}
	sum := func(v *Node) *Node { return v.Graph().Distributed().AllReduceOne(v, compute.ReduceOpSum) }
	return withGradient(sum(v), []*Node{v}, func(dSum *Node) []*Node { return []*Node{sum(dSum)} })
}

// replicas is the number of devices that run the graph of x.
func replicas(x *Node) int { return max(x.Graph().NumDevices(), 1) }

// towards moves a running value a step towards the batch's.
func towards(running, batch *Node) *Node {
	return StopGradient(Add(MulScalar(running, 1-batchMomentum), MulScalar(batch, batchMomentum)))
}

// buffersNext lists the running values after a training step in the order of the
// architecture's Buffers.
func (n *net) buffersNext() []*Node {
	if n.running == nil {
		return nil
	}
	var list []*Node
	for _, b := range n.Buffers() {
		list = append(list, n.running[b.Name])
	}
	return list
}
