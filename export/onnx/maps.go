package onnx

import (
	"math"

	"eomt/arch"
)

// mapNormEpsilon is the epsilon of BatchNorm, GroupNorm and the LayerNorms of
// Mask2Former's parts.
const mapNormEpsilon = 1e-5

// grid is a map's height and width.
type grid struct{ h, w int }

func (at grid) size() int        { return at.h * at.w }
func (at grid) times(f int) grid { return grid{f * at.h, f * at.w} }
func (at grid) half() grid       { return grid{at.h / 2, at.w / 2} }

// featureMap is a value [batch, C, h, w], float32 unless something else is said.
type featureMap struct {
	value string
	grid
}

// level is a map as tokens [batch, h*w, C], float32.
type level struct {
	tokens string
	grid
}

func (g *graph) patchGrid() grid { return grid{g.GridH(), g.GridW()} }

// toTokens turns a map into tokens [batch, h*w, C].
func (g *graph) toTokens(m featureMap) string {
	return g.transpose(m.value+".tokens", g.reshape(m.value+".flat", m.value, 0, 0, m.size()), 0, 2, 1)
}

// toMap turns tokens [batch, h*w, C] into a map.
func (g *graph) toMap(name, tokens string, at grid) featureMap {
	return featureMap{g.reshape(name+".map", g.transpose(name+".channels", tokens, 0, 2, 1), 0, 0, at.h, at.w), at}
}

// channelsFirst turns pixels [batch, h, w, C] into a map.
func (g *graph) channelsFirst(name, pixels string, at grid) featureMap {
	return featureMap{g.transpose(name+".map", pixels, 0, 3, 1, 2), at}
}

// splitMaps cuts the tokens of several maps apart, into maps of the same dtype.
func (g *graph) splitMaps(name, tokens string, grids []grid) []featureMap {
	var maps []featureMap
	for i, part := range g.split(name+".levels", g.transpose(name+".channels", tokens, 0, 2, 1), 2, sizes(grids)...) {
		maps = append(maps, featureMap{g.reshape(part+".map", part, 0, 0, grids[i].h, grids[i].w), grids[i]})
	}
	return maps
}

func sizes(grids []grid) (list []int) {
	for _, at := range grids {
		list = append(list, at.size())
	}
	return list
}

// pointwise is the 1x1 convolution of that name, with its bias.
func (g *graph) pointwise(name string, m featureMap) featureMap {
	return g.convolution(name, m, 1, 1, g.operand(name+".weight"), g.operand(name+".bias"))
}

// convolution is k x k, padded so that stride 1 keeps the size and stride 2 halves an
// even one. parameters are weight [out, in, k, k] and, if there is one, bias.
func (g *graph) convolution(name string, m featureMap, k, stride int, parameters ...string) featureMap {
	pad := k / 2
	y := g.node("Conv", name, append([]string{g.narrow(m.value)}, parameters...),
		integers("kernel_shape", []int{k, k}), integers("pads", []int{pad, pad, pad, pad}), integers("strides", []int{stride, stride}))
	return featureMap{g.wide(y), grid{m.h / stride, m.w / stride}}
}

func (g *graph) relu(name, x string) string { return g.node("Relu", name, []string{x}) }

// layerNormOf is the LayerNorm of one of Mask2Former's parts.
func (g *graph) layerNormOf(name, x, parameters string) string {
	return g.layerNorm(name, x, parameters, mapNormEpsilon)
}

// groupNorm normalises groups of a map's channels, then scales and shifts each channel.
// (The operator GroupNormalization of opset 20 scales groups.)
func (g *graph) groupNorm(name string, m featureMap, parameters string) featureMap {
	ones := make([]float32, arch.NormGroups)
	for i := range ones {
		ones[i] = 1
	}
	c := g.tensors[parameters+".weight"].Shape[0]
	x := g.reshape(name+".groups", m.value, 0, arch.NormGroups, c/arch.NormGroups*m.size())
	x = g.node("InstanceNormalization", name+".normal",
		[]string{x, g.numbers("groups.ones", []int{arch.NormGroups}, ones...), g.numbers("groups.zeros", []int{arch.NormGroups}, make([]float32, arch.NormGroups)...)},
		float("epsilon", mapNormEpsilon))
	x = g.reshape(name+".channels", x, 0, c, m.h, m.w)
	x = g.mul(name+".scaled", x, g.perChannel(parameters+".weight"))
	return featureMap{g.add(name, x, g.perChannel(parameters+".bias")), m.grid}
}

// perChannel is a parameter [C] as [C, 1, 1], float32.
func (g *graph) perChannel(parameter string) string {
	c := g.tensors[parameter].Shape[0]
	return g.constant(derived(parameter, "map"), float32Type, []int{c, 1, 1}, func() ([]float32, error) { return g.read(parameter) })
}

// batchNorm normalises each channel of a map by the running values, then scales and
// shifts it.
func (g *graph) batchNorm(name string, m featureMap, parameters string) featureMap {
	inputs := []string{m.value}
	for _, what := range []string{".weight", ".bias", ".running_mean", ".running_var"} {
		inputs = append(inputs, g.parameter(parameters+what))
	}
	return featureMap{g.node("BatchNormalization", name, inputs, float("epsilon", mapNormEpsilon)), m.grid}
}

// batchNormScale is what the BatchNorm multiplies each channel by.
func (g *graph) batchNormScale(parameters string) func() ([]float32, error) {
	return func() ([]float32, error) {
		weight, err := g.read(parameters + ".weight")
		if err != nil {
			return nil, err
		}
		variance, err := g.read(parameters + ".running_var")
		if err != nil {
			return nil, err
		}
		scale := make([]float32, len(weight))
		for i, w := range weight {
			scale[i] = float32(float64(w) / math.Sqrt(float64(variance[i])+mapNormEpsilon))
		}
		return scale, nil
	}
}

// batchNormShift is what the BatchNorm then adds.
func (g *graph) batchNormShift(parameters string) func() ([]float32, error) {
	return func() ([]float32, error) {
		shift, err := g.batchNormScale(parameters)()
		if err != nil {
			return nil, err
		}
		bias, err := g.read(parameters + ".bias")
		if err != nil {
			return nil, err
		}
		mean, err := g.read(parameters + ".running_mean")
		if err != nil {
			return nil, err
		}
		for i, scale := range shift {
			shift[i] = bias[i] - mean[i]*scale
		}
		return shift, nil
	}
}

// enlarge resizes a map bilinearly by a whole factor: half-pixel centres, edges repeated.
func (g *graph) enlarge(name string, m featureMap, factor int) featureMap {
	f := float32(factor)
	scales := g.numbers(name+".scales", []int{4}, 1, 1, f, f)
	return featureMap{g.node("Resize", name, []string{m.value, "", scales}, text("mode", "linear")), m.times(factor)}
}

// reduce resizes a map bilinearly by a power of two: the mean of the two by two middle
// pixels of each cell.
func (g *graph) reduce(name string, m featureMap, factor int) featureMap {
	x := m.value
	if edge := factor/2 - 1; edge > 0 {
		x = g.node("Slice", name+".middle", []string{x, g.ints(edge, edge), g.ints(m.h-edge, m.w-edge), g.ints(2, 3)})
	}
	x = g.node("AveragePool", name, []string{x}, integers("kernel_shape", []int{2, 2}), integers("strides", []int{factor, factor}))
	return featureMap{x, grid{m.h / factor, m.w / factor}}
}
