package model

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"eomt/arch"
	"eomt/internal/backend/backendtest"
)

// weighted is a smooth function of all predictions: their sum with fixed random weights.
// Masks are drawn away, as whether a logit is positive is no smooth function.
func weighted(a arch.Architecture, params Params, pixels *Node, precision dtypes.DType, remat Remat) *Node {
	g := pixels.Graph()
	b := pixels.Shape().Dim(0)
	p := eomt{a}.Forward(params, pixels, Options{Training: true, Precision: precision, Remat: remat, Masking: &Masking{
		ProbsL: Zeros(g, shapes.Make(pixels.DType(), a.MaskBlocks)), DrawsLBQ: Zeros(g, shapes.Make(pixels.DType(), a.MaskBlocks, b, a.Queries)),
	}})
	rng := rand.New(rand.NewPCG(3, 4))
	total := ScalarZero(g, pixels.DType())
	for i, m := range p.Masks {
		for _, x := range []*Node{m.LogitsBhwQ(), p.ClassLogitsBQC[i]} {
			values := make([]float64, x.Shape().Size())
			for j := range values {
				values[j] = rng.NormFloat64()
			}
			total = Add(total, ReduceAllSum(Mul(x, Reshape(ConstAsDType(g, x.DType(), values), x.Shape().Dimensions...))))
		}
	}
	return total
}

// The gradient of every parameter in bfloat16 is float32's up to the rounding of
// activations, 2^-9 = 0.2 % at most each time: a value passes about 60 of them on its
// way through five blocks and back. Errors add up to the root of that, about 1.5 %. Sums
// of some thousand gradients of both signs are smaller than their terms, and their
// relative error is larger.
func TestGradientsInBFloat16(t *testing.T) {
	const most = 0.05 // of a tensor's norm; seen are 0.025
	adapted := tiny(arch.DINOv2)
	adapted.LoRA = arch.LoRA{Rank: 2, Alpha: 2, Targets: strings.Join(arch.LoRATargets, " ")}
	gated := tiny(arch.DINOv2)
	gated.SwiGLU = true
	for name, a := range map[string]arch.Architecture{"dinov2": tiny(arch.DINOv2), "dinov3": tiny(arch.DINOv3), "lora": adapted, "swiglu": gated} {
		t.Run(name, func(t *testing.T) {
			b := backendtest.Go(t)
			want, got := gradientsOf(t, b, a, dtypes.Float32, RematNone), gradientsOf(t, b, a, dtypes.BFloat16, RematNone)
			again := gradientsOf(t, b, a, dtypes.BFloat16, RematBlocks)
			worst := 0.0
			for i, p := range a.Parameters() {
				d, d2 := relative(p.Name, got[i], want[i]), relative(p.Name, again[i], got[i])
				worst = max(worst, d)
				if !(d < most) {
					t.Errorf("%s: %.4f of its norm from float32's", p.Name, d)
				}
				if d2 != 0 { // the same operations on the same values
					t.Errorf("%s: %g of its norm from that of rematerialised blocks", p.Name, d2)
				}
			}
			if worst < 0.005 {
				t.Errorf("the largest difference is %g: was anything rounded?", worst)
			}
		})
	}
}

func gradientsOf(t *testing.T, b compute.Backend, a arch.Architecture, precision dtypes.DType, remat Remat) [][]float32 {
	t.Helper()
	count := len(a.Parameters())
	exec := MustNewExec(b, func(in []*Node) []*Node {
		return Gradient(weighted(a, Bind(a, in), in[count], precision, remat), in[:count]...)
	})
	defer exec.Finalize()
	var args []any
	rng := rand.New(rand.NewPCG(1, 2))
	for _, p := range a.Parameters() {
		values := p.Initialize(7)
		if strings.HasPrefix(p.Name, arch.LoRAPrefix) { // half of them start at zero
			for i := range values {
				values[i] = float32(rng.NormFloat64() / 4)
			}
		}
		args = append(args, tensors.FromFlatDataAndDimensions(values, p.Shape...))
	}
	pixels := make([]float32, 2*a.ImageH()*a.ImageW()*3)
	for i := range pixels {
		pixels[i] = float32(rng.NormFloat64())
	}
	var values [][]float32
	for _, x := range exec.MustCall(append(args, tensors.FromFlatDataAndDimensions(pixels, 2, a.ImageH(), a.ImageW(), 3))...) {
		values = append(values, tensors.MustCopyFlatData[float32](x)) // panics if it is not float32
	}
	return values
}

// relative is the norm of the difference over that of want. Biases of keys are left
// out: softmax cancels them, so that their gradient is rounding alone.
func relative(name string, got, want []float32) float64 {
	var difference, size float64
	for j := range want {
		if third := len(want) / 3; strings.HasSuffix(name, "qkv.bias") && third <= j && j < 2*third {
			continue
		}
		difference, size = math.Hypot(difference, float64(got[j]-want[j])), math.Hypot(size, float64(want[j]))
	}
	return difference / size
}
