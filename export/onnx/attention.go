package onnx

import (
	"fmt"
	"math"

	"github.com/gomlx/compute-onnx/support/protos"

	"eomt/arch"
)

// attention is multi-head self-attention over x [batch, S, D] with skip tokens before
// the patches; allowed, if not empty, [batch, 1, Q, S] says what each query may attend
// to. The factor 1/sqrt(E) is in the weights of q.
func (g *graph) attention(name, x, parameters string, skip int, allowed string) string {
	x = g.narrow(x)
	// The rotary kind ignores the keys' bias.
	q, k, v := g.packed(parameters+".attn.qkv", g.Width, g.Heads, g.Kind != arch.DINOv3)
	out := ""
	if g.o.For == OnnxRuntime && g.o.Precision == F32 && allowed == "" {
		out = g.fusedAttention(name, x, q, k, v, skip)
	} else {
		out = g.plainAttention(name, x, q, k, v, skip, allowed)
	}
	return g.linear(name+".proj", out, g.scaledRows(parameters+".attn.proj", parameters+".ls1.gamma", "ls1"))
}

// packed are the weights of queries, keys and values, each [d, d], of a Linear [3d, d].
func (g *graph) packed(name string, d, heads int, keyBias bool) (q, k, v weights) {
	scale := equal(d, 1/math.Sqrt(float64(d/heads)))
	part := func(i int, what string, bias bool, factors func() ([]float32, error)) weights {
		p := weights{w: g.transposed(name+".weight", what, i*d, (i+1)*d, factors)}
		if bias {
			p.b = g.rows(name+".bias", what, i*d, (i+1)*d, factors)
		}
		return p
	}
	return part(0, "q/scaled", true, scale), part(1, "k", keyBias, nil), part(2, "v", true, nil)
}

// plainAttention is softmax(q k^T) v in standard operators, [batch, S, D]. Scores and
// softmax are float32.
func (g *graph) plainAttention(name, x string, wq, wk, wv weights, skip int, allowed string) string {
	s := skip + g.GridH()*g.GridW()
	heads := func(what string, p weights) string {
		return g.reshape(name+"."+what+".heads", g.linear(name+"."+what, x, p), 0, s, g.Heads, g.HeadDim())
	}
	q, k := g.rotated(name+".q", heads("q", wq), skip), g.rotated(name+".k", heads("k", wk), skip)
	q = g.wide(g.transpose(name+".q.rows", q, 0, 2, 1, 3))
	k = g.wide(g.transpose(name+".k.columns", k, 0, 2, 3, 1))
	v := g.transpose(name+".v.rows", heads("v", wv), 0, 2, 1, 3)
	out := ""
	if allowed == "" {
		out = g.attend(name, q, k, v, "")
	} else {
		parts := g.split(name+".q.parts", q, 2, g.Queries, s-g.Queries)
		out = g.concat(name+".out", 2,
			g.attend(name+".queries", parts[0], k, v, allowed),
			g.attend(name+".others", parts[1], k, v, ""))
	}
	return g.reshape(name+".out.tokens", g.transpose(name+".out.heads", out, 0, 2, 1, 3), 0, s, g.Width)
}

// attend is softmax(q k^T) v: q [batch, A, T, E], k [batch, A, E, S], v [batch, A, S, E].
func (g *graph) attend(name, q, k, v, allowed string) string {
	scores := g.product(name+".scores", q, k)
	if allowed != "" {
		scores = g.node("Where", name+".scores.masked", []string{allowed, scores, g.numbers("attn.hidden", nil, -1e30)})
	}
	return g.product(name+".values", g.narrow(g.node("Softmax", name+".softmax", []string{scores}, integer("axis", -1))), v)
}

// fusedAttention is ONNX Runtime's own operator, which keeps no array of scores.
func (g *graph) fusedAttention(name, x string, wq, wk, wv weights, skip int) string {
	s := skip + g.GridH()*g.GridW()
	project := func(what string, p weights) string {
		y := g.linear(name+"."+what, x, p)
		if g.Kind != arch.DINOv3 || what == "v" {
			return y
		}
		y = g.reshape(name+"."+what+".heads", y, 0, s, g.Heads, g.HeadDim())
		return g.reshape(name+"."+what+".tokens", g.rotated(name+"."+what, y, skip), 0, s, g.Width)
	}
	inputs := []string{project("q", wq), project("k", wk), project("v", wv)}
	out := g.node("MultiHeadAttention", name+".attention", inputs, integer("num_heads", g.Heads), float("scale", 1))
	g.nodes[len(g.nodes)-1].Domain = contribDomain
	return out
}

// rotated turns x [batch, S, A, E] by the patches' positions: x cos + swapped x sin,
// where swapped has the halves of E exchanged and sin the sign of the first half
// changed. The first skip tokens are turned by 0.
func (g *graph) rotated(name, x string, skip int) string {
	if g.Kind != arch.DINOv3 {
		return x
	}
	e := g.HeadDim()
	halves := g.split(name+".halves", x, 3, e/2, e/2)
	swapped := g.concat(name+".swapped", 3, halves[1], halves[0])
	return g.add(name+".rotated",
		g.mul(name+".cos", x, g.rotaryTable("cos", skip)),
		g.mul(name+".sin", swapped, g.rotaryTable("sin", skip)))
}

// rotaryTable is cos or sin of the axial rotary embedding, [S, 1, E], as package model
// defines it.
func (g *graph) rotaryTable(what string, skip int) string {
	e, s := g.HeadDim(), skip+g.GridH()*g.GridW()
	return g.constant(fmt.Sprintf("rotary.%s.%d", what, s), g.matmul, []int{s, 1, e}, func() ([]float32, error) {
		table := make([]float32, 0, s*e)
		for range skip * e {
			if what == "cos" {
				table = append(table, 1)
			} else {
				table = append(table, 0)
			}
		}
		for y := range g.GridH() {
			for x := range g.GridW() {
				half := g.angles(y, x)
				for i := range e {
					angle := half[i%len(half)]
					switch {
					case what == "cos":
						table = append(table, float32(math.Cos(angle)))
					case i < e/2:
						table = append(table, float32(-math.Sin(angle)))
					default:
						table = append(table, float32(math.Sin(angle)))
					}
				}
			}
		}
		return table, nil
	})
}

// angles are the E/2 angles of the patch at row y, column x: rows first, then columns.
func (g *graph) angles(y, x int) []float64 {
	var list []float64
	for _, centre := range []float64{
		2*(float64(y)+0.5)/float64(g.GridH()) - 1,
		2*(float64(x)+0.5)/float64(g.GridW()) - 1,
	} {
		for i := range g.HeadDim() / 4 {
			period := math.Pow(g.RopeTheta, 4*float64(i)/float64(g.HeadDim()))
			list = append(list, float64(float32(2*math.Pi*centre/period)))
		}
	}
	return list
}

// contribDomain is that of ONNX Runtime's own operators.
const contribDomain = "com.microsoft"

var boolType = protos.TensorProto_BOOL
