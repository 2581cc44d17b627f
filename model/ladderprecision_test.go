package model

import (
	"math"
	"testing"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"eomt/arch"
	"eomt/internal/backend/backendtest"
)

// Every network computes in bfloat16, with float32 logits and gradients. They are
// compared by their size alone: which positions a query attends to is decided by the sign
// of logits, and one that turns changes the rest. The gradient of a pixel decoder is held
// to be finite: its maps of one or two pixels are normalised by deviations near 0.
func TestNetworksInBFloat16(t *testing.T) {
	for _, name := range arch.Networks {
		t.Run(name, func(t *testing.T) {
			a := tinyRung(name, arch.DINOv2)
			network, err := New(a)
			if err != nil {
				t.Fatal(err)
			}
			count := len(a.Parameters())
			exec := MustNewExec(backendtest.Go(t), func(in []*Node) []*Node {
				var out []*Node
				for _, precision := range []dtypes.DType{dtypes.Float32, dtypes.BFloat16} {
					opts := Options{Training: true, Precision: precision}
					if a.MaskBlocks > 0 {
						opts.Masking = &Masking{}
					}
					p := network.Forward(Bind(a, in), in[len(in)-1], opts)
					loss := ScalarZero(in[0].Graph(), dtypes.Float32)
					for i, m := range p.Masks {
						loss = Add(loss, Add(ReduceAllMean(Square(m.LogitsBhwQ())), ReduceAllMean(Square(p.ClassLogitsBQC[i]))))
					}
					norm := ScalarZero(in[0].Graph(), dtypes.Float32)
					for _, g := range Gradient(loss, in[:count]...) {
						norm = Add(norm, ReduceAllSum(Square(g)))
					}
					out = append(out, loss, Sqrt(norm))
				}
				return out
			})
			defer exec.Finalize()
			var args []any
			for _, one := range a.Tensors() {
				args = append(args, tensors.FromFlatDataAndDimensions(narrow(tensors.MustCopyFlatData[float64](ladderValue(one, "precision"))), one.Shape...))
			}
			pixels := narrow(values("pixels", "precision", 2*a.ImageH()*a.ImageW()*3))
			out := exec.MustCall(append(args, tensors.FromFlatDataAndDimensions(pixels, 2, a.ImageH(), a.ImageW(), 3))...)
			for i, what := range []string{"loss", "norm of the gradient"} {
				want, got := float64(tensors.ToScalar[float32](out[i])), float64(tensors.ToScalar[float32](out[2+i]))
				most := 0.1
				if i == 1 && a.HasPixelDecoder() {
					most = math.MaxFloat32
				}
				if !(math.Abs(got/want-1) < most) || got == want {
					t.Errorf("%s %g, in float32 %g", what, got, want)
				}
			}
		})
	}
}
