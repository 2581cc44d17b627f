package onnx

import (
	"math"

	"github.com/gomlx/compute-onnx/support/protos"
)

const float32Type = protos.TensorProto_FLOAT

// weights are the initialisers of a Linear: w [in, out], and b [out] or empty.
type weights struct{ w, b string }

// linear is x [..., in] -> [..., out], in the dtype of matrix products.
func (g *graph) linear(name, x string, p weights) string {
	if p.b == "" {
		return g.product(name, x, p.w)
	}
	return g.add(name, g.product(name+".matmul", x, p.w), p.b)
}

// whole are the weights of the Linear called name.
func (g *graph) whole(name string) weights {
	rows := g.tensors[name+".weight"].Shape[0]
	return weights{g.transposed(name+".weight", "", 0, rows, nil), g.operand(name + ".bias")}
}

// scaledRows are the weights of a Linear whose outputs are then multiplied by gamma.
func (g *graph) scaledRows(name, gamma, what string) weights {
	shape := g.tensors[name+".weight"].Shape
	factors := func() ([]float32, error) { return g.read(gamma) }
	return weights{
		g.transposed(name+".weight", what, 0, shape[0], factors),
		g.rows(name+".bias", what, 0, shape[0], factors),
	}
}

// transposed are rows [from, to) of a weight [out, in], each multiplied by its factor
// where there are factors, as [in, to-from].
func (g *graph) transposed(parameter, what string, from, to int, factors func() ([]float32, error)) string {
	in := g.tensors[parameter].Shape[1]
	n := to - from
	return g.constant(derived(parameter, what, "T"), g.matmul, []int{in, n}, func() ([]float32, error) {
		values, err := g.scaled(parameter, from, to, in, factors)
		if err != nil {
			return nil, err
		}
		out := make([]float32, len(values))
		const tile = 32 // of rows, so that both sides stay in the cache
		for r0 := 0; r0 < n; r0 += tile {
			for c := range in {
				for r := r0; r < min(r0+tile, n); r++ {
					out[c*n+r] = values[r*in+c]
				}
			}
		}
		return out, nil
	})
}

// rows are elements [from, to) of a vector, each multiplied by its factor where there
// are factors.
func (g *graph) rows(parameter, what string, from, to int, factors func() ([]float32, error)) string {
	return g.constant(derived(parameter, what), g.matmul, []int{to - from}, func() ([]float32, error) {
		return g.scaled(parameter, from, to, 1, factors)
	})
}

// scaled are rows [from, to) of a parameter whose rows have width elements.
func (g *graph) scaled(parameter string, from, to, width int, factors func() ([]float32, error)) ([]float32, error) {
	values, err := g.read(parameter)
	if err != nil {
		return nil, err
	}
	values = append([]float32(nil), values[from*width:to*width]...)
	if factors == nil {
		return values, nil
	}
	factor, err := factors()
	if err != nil {
		return nil, err
	}
	for i := range values {
		values[i] *= factor[i/width]
	}
	return values, nil
}

// equal are n factors of one value.
func equal(n int, value float64) func() ([]float32, error) {
	return func() ([]float32, error) {
		list := make([]float32, n)
		for i := range list {
			list[i] = float32(value)
		}
		return list, nil
	}
}

// derived names what a parameter became.
func derived(parameter string, steps ...string) string {
	for _, step := range steps {
		if step != "" {
			parameter += "/" + step
		}
	}
	return parameter
}

// layerNorm is over the last axis, float32.
func (g *graph) layerNorm(name, x, parameters string, epsilon float64) string {
	return g.node("LayerNormalization", name, []string{x, g.parameter(parameters + ".weight"), g.parameter(parameters + ".bias")},
		integer("axis", -1), float("epsilon", epsilon))
}

// gelu is the exact form, in the dtype of matrix products: an operator from opset 20 on.
func (g *graph) gelu(name, x string) string {
	if g.o.Opset >= 20 {
		return g.node("Gelu", name, []string{x})
	}
	scalar := func(what string, value float64) string {
		return g.constant("gelu."+what, g.matmul, nil, func() ([]float32, error) { return []float32{float32(value)}, nil })
	}
	y := g.node("Div", name+".scaled", []string{x, scalar("sqrt2", math.Sqrt2)})
	y = g.node("Erf", name+".erf", []string{y})
	y = g.add(name+".erf1", y, scalar("one", 1))
	return g.mul(name, g.mul(name+".twice", x, y), scalar("half", 0.5))
}
