//go:build cgo && !noxla && (linux || darwin)

package train

import (
	"errors"
	"testing"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"

	"eomt/arch"
	"eomt/model"
)

// What the backward pass of L takes from the forward pass on xla:cuda, 16 images of up to
// 128 targets: with bfloat16 about half of float32's, with blocks rematerialised less
// than 1.25 GiB per image (docs/precision.md has the figures).
func TestKeptByL(t *testing.T) {
	const images = 16
	kept := func(precision dtypes.DType, remat model.Remat) (bytes int) {
		a, err := arch.DefaultSettings().Architecture(133)
		if err != nil {
			t.Fatal(err)
		}
		c := small(133)
		c.Network, c.Precision, c.Remat, c.Schedule.Annealing, c.Loss.Points = network(a), precision, remat, nil, 12544
		step, err := NewStep(cudaWithoutGPU(t), c)
		if err != nil {
			t.Fatal(err)
		}
		exec, err := step.compiled("kept", func(in []*Node) []*Node {
			i := step.splitInputs(in)
			g := step.differentiate(i.params, i.buffers, i.batch, step.draw(i.batch, dtypes.Float32))
			seen := map[*Node]bool{}
			for node := range keptFor(g.trained, g.total) {
				if node = viewed(node); !seen[node] && node.NumOutputs() == 1 && node.Type() != NodeTypeParameter && node.Type() != NodeTypeConstant {
					seen[node] = true
					bytes += int(node.Shape().ByteSize())
				}
			}
			return append(g.trained, g.total)
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := exec.Compile(step.wholeShapes(images, 128, dtypes.Float32)...); !errors.Is(err, errNotCompiled) {
			t.Fatal(err)
		}
		t.Logf("%s, remat %s: %.1f GiB", precision, remat, float64(bytes)/(1<<30))
		return bytes
	}
	wide, narrow := kept(dtypes.Float32, model.RematNone), kept(dtypes.BFloat16, model.RematNone)
	if narrow > wide*6/10 {
		t.Errorf("%d bytes in bfloat16, %d in float32", narrow, wide)
	}
	kept(dtypes.Float32, model.RematBlocks)
	if blocks := kept(dtypes.BFloat16, model.RematBlocks); blocks > images*5<<28 {
		t.Errorf("%d bytes with blocks rematerialised", blocks)
	}
}

// viewed is the value that a node is a view of.
func viewed(n *Node) *Node {
	for {
		switch n.Type() {
		case NodeTypeIdentity, NodeTypeReshape, NodeTypeBroadcastInDim:
			n = n.Inputs()[0]
		case NodeTypeWhere: // of model.withGradient: the third is always taken
			n = n.Inputs()[2]
		default:
			return n
		}
	}
}
