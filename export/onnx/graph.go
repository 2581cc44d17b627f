package onnx

import (
	"fmt"
	"math"
	"strings"

	"github.com/gomlx/compute-onnx/support/protos"

	"eomt/arch"
	"eomt/checkpoints/tensor"
)

// graph collects the nodes and initialisers of a file. Values are known by name.
type graph struct {
	arch.Architecture
	network Network
	o       Options
	matmul  protos.TensorProto_DataType // of parameters and operands of matrix products

	tensors      map[string]tensor.Tensor
	nodes        []*protos.NodeProto
	initialisers []initialiser
	known        map[string]bool // names of initialisers and casts that are there
}

// initialiser is a constant of the graph; load reads or computes its bytes when they
// are written.
type initialiser struct {
	name  string
	shape []int
	dtype protos.TensorProto_DataType
	bytes int64
	load  func() ([]byte, error)
}

func newGraph(n Network, o Options) *graph {
	g := &graph{Architecture: n.Architecture, network: n, o: o, matmul: protos.TensorProto_FLOAT,
		tensors: tensor.ByName(n.Tensors), known: map[string]bool{}}
	if o.Precision == F16 {
		g.matmul = protos.TensorProto_FLOAT16
	}
	return g
}

// node appends a node with one output, which has the node's name, and returns it.
func (g *graph) node(op, name string, inputs []string, attributes ...*protos.AttributeProto) string {
	g.nodes = append(g.nodes, &protos.NodeProto{Name: name, OpType: op, Input: inputs, Output: []string{name}, Attribute: attributes})
	return name
}

// split cuts x into parts of the given sizes, named name.0, name.1 ...
func (g *graph) split(name, x string, axis int, sizes ...int) []string {
	outputs := make([]string, len(sizes))
	for i := range sizes {
		outputs[i] = fmt.Sprintf("%s.%d", name, i)
	}
	g.nodes = append(g.nodes, &protos.NodeProto{Name: name, OpType: "Split", Input: []string{x, g.ints(sizes...)}, Output: outputs,
		Attribute: []*protos.AttributeProto{integer("axis", axis)}})
	return outputs
}

func (g *graph) add(name, a, b string) string { return g.node("Add", name, []string{a, b}) }
func (g *graph) mul(name, a, b string) string { return g.node("Mul", name, []string{a, b}) }
func (g *graph) product(name, a, b string) string {
	return g.node("MatMul", name, []string{a, b})
}

func (g *graph) concat(name string, axis int, parts ...string) string {
	return g.node("Concat", name, parts, integer("axis", axis))
}

// reshape gives x the dimensions dims; 0 keeps the input's, which is how batch stays
// dynamic.
func (g *graph) reshape(name, x string, dims ...int) string {
	return g.node("Reshape", name, []string{x, g.ints(dims...)})
}

func (g *graph) transpose(name, x string, axes ...int) string {
	return g.node("Transpose", name, []string{x}, integers("perm", axes))
}

// narrow is x, a float32 value, in the dtype of matrix products.
func (g *graph) narrow(x string) string { return g.cast(x, g.matmul, ".f16") }

// wide is x, a value in the dtype of matrix products, in float32.
func (g *graph) wide(x string) string { return g.cast(x, protos.TensorProto_FLOAT, ".f32") }

func (g *graph) cast(x string, to protos.TensorProto_DataType, suffix string) string {
	if g.o.Precision == F32 {
		return x
	}
	name := x + suffix
	if !g.known[name] {
		g.known[name] = true
		g.node("Cast", name, []string{x}, integer("to", int(to)))
	}
	return name
}

// parameter is a parameter as it is, in float32.
func (g *graph) parameter(name string) string {
	return g.constant(name, protos.TensorProto_FLOAT, g.tensors[name].Shape, func() ([]float32, error) { return g.read(name) })
}

// operand is a parameter as it is, in the dtype of matrix products.
func (g *graph) operand(name string) string {
	return g.constant(name, g.matmul, g.tensors[name].Shape, func() ([]float32, error) { return g.read(name) })
}

func (g *graph) read(name string) ([]float32, error) {
	t, ok := g.tensors[name]
	if !ok {
		return nil, fmt.Errorf("no parameter %q", name)
	}
	return t.Float32s()
}

// constant is an initialiser of floating-point numbers, once per name.
func (g *graph) constant(name string, dtype protos.TensorProto_DataType, shape []int, values func() ([]float32, error)) string {
	width := int64(4)
	if dtype == protos.TensorProto_FLOAT16 {
		width = 2
	}
	return g.initialiser(initialiser{name, shape, dtype, width * size(shape), func() ([]byte, error) {
		list, err := values()
		if err != nil {
			return nil, err
		}
		if dtype == protos.TensorProto_FLOAT {
			return tensor.FromFloat32s(name, shape, list).Bytes()
		}
		for _, v := range list {
			if math.Abs(float64(v)) >= 65520 {
				return nil, fmt.Errorf("%s has the value %g, beyond the range of float16: export with -precision f32", name, v)
			}
		}
		return tensor.FromFloat32sAs(tensor.Float16, name, shape, list).Bytes()
	}})
}

// numbers is a constant that is at hand, in float32.
func (g *graph) numbers(name string, shape []int, values ...float32) string {
	return g.constant(name, protos.TensorProto_FLOAT, shape, func() ([]float32, error) { return values, nil })
}

// ints is a vector of integers, named by its values.
func (g *graph) ints(values ...int) string {
	name := "ints" + strings.Trim(strings.ReplaceAll(fmt.Sprint(values), " ", "_"), "[]")
	return g.initialiser(initialiser{name, []int{len(values)}, protos.TensorProto_INT64, int64(8 * len(values)), func() ([]byte, error) {
		var raw []byte
		for _, v := range values {
			for shift := 0; shift < 64; shift += 8 {
				raw = append(raw, byte(int64(v)>>shift))
			}
		}
		return raw, nil
	}})
}

func (g *graph) initialiser(i initialiser) string {
	if !g.known[i.name] {
		g.known[i.name] = true
		g.initialisers = append(g.initialisers, i)
	}
	return i.name
}

func size(shape []int) int64 {
	n := int64(1)
	for _, d := range shape {
		n *= int64(d)
	}
	return n
}

func integer(name string, value int) *protos.AttributeProto {
	return &protos.AttributeProto{Name: name, Type: protos.AttributeProto_INT, I: int64(value)}
}

func integers(name string, values []int) *protos.AttributeProto {
	a := &protos.AttributeProto{Name: name, Type: protos.AttributeProto_INTS}
	for _, v := range values {
		a.Ints = append(a.Ints, int64(v))
	}
	return a
}

func text(name, value string) *protos.AttributeProto {
	return &protos.AttributeProto{Name: name, Type: protos.AttributeProto_STRING, S: []byte(value)}
}

func float(name string, value float64) *protos.AttributeProto {
	return &protos.AttributeProto{Name: name, Type: protos.AttributeProto_FLOAT, F: float32(value)}
}
