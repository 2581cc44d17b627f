package model

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"eomt/checkpoints/safetensors"
	"eomt/checkpoints/tensor"
	"eomt/internal/backend/backendtest"
	"eomt/internal/parity"
)

// goldenTolerance is the largest difference to the references' float32, in
// standard deviations of the tensor. Both sides add up to 128 products of order
// 1 in different orders, block after block; seen are up to 4e-6.
const goldenTolerance = 2e-5

// goldens are the cases that scripts/goldens/model.py wrote, with what each is for.
// make parity regenerates those of transformers.
var goldens = map[string]string{
	"small":  "transformers' EoMT as published sizes are: registers, patch 16, two ScaleBlocks",
	"dinov3": "transformers' DINOv3 EoMT: rotary positions, no key bias, image not square",
	"swiglu": "the reference implementation on timm's SwiGLU ViT: odd grid, two images",
	"edge":   "one row of patches, patch 4, one query, one class, no registers, queries in all blocks",
}

type golden struct {
	network Network
	against string // the reference's name
	tensors map[string]tensor.Tensor
}

func readGolden(t *testing.T, name string) golden {
	t.Helper()
	file, err := safetensors.Open(filepath.Join(parity.Folder("model"), name+".safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	g := golden{tensors: tensor.ByName(file.Tensors), against: file.Metadata["reference"]}
	a, err := parity.Architecture(file.Metadata["config"])
	if err != nil {
		t.Fatal(err)
	}
	if g.network, err = New(a); err != nil {
		t.Fatal(err)
	}
	return g
}

// at reads a tensor of the file onto the host.
func (g golden) at(t *testing.T, name string) *tensors.Tensor {
	t.Helper()
	stored, ok := g.tensors[name]
	if !ok {
		t.Fatalf("no tensor %s in the golden file", name)
	}
	values, err := stored.Float32s()
	if err != nil {
		t.Fatal(err)
	}
	return tensors.FromFlatDataAndDimensions(values, stored.Shape...)
}

// graph is a compiled forward pass of a golden case whose outputs have the
// file's layouts and names.
type graph struct {
	exec  *Exec
	names []string
}

// compile builds the graph of all predictions with inputs probs, draws and
// rotary rescale, or where masked is false the inference graph.
func (g golden) compile(t *testing.T, b compute.Backend, masked bool) *graph {
	t.Helper()
	a := g.network.Architecture()
	c := &graph{}
	c.exec = MustNewExec(b, func(in []*Node) []*Node {
		params, in := Bind(a, in), in[len(a.Parameters()):]
		var opts Options
		if masked {
			opts = Options{Masking: &Masking{ProbsL: in[1], DrawsLBQ: in[2]}, RopeScale: in[3]}
		}
		p := g.network.Forward(params, TransposeAllAxes(in[0], 0, 2, 3, 1), opts)
		c.names = nil
		var out []*Node
		add := func(name string, x *Node) { c.names, out = append(c.names, name), append(out, x) }
		for k, x := range p.StagesBSD {
			add(fmt.Sprintf("stage.%d", k), x)
		}
		for k, m := range p.Masks {
			add(fmt.Sprintf("mask_logits.%d", k), TransposeAllAxes(m.LogitsBhwQ(), 0, 3, 1, 2))
			add(fmt.Sprintf("class_logits.%d", k), p.ClassLogitsBQC[k])
		}
		add("tokens", p.TokensBSD)
		return out
	})
	t.Cleanup(c.exec.Finalize)
	return c
}

// run calls a compiled graph on the golden file's parameters and pixels.
func (g golden) run(t *testing.T, c *graph, more ...any) map[string]*tensors.Tensor {
	t.Helper()
	var args []any
	for _, p := range g.network.Architecture().Parameters() {
		args = append(args, g.at(t, "param/"+p.Name))
	}
	results, err := c.exec.Call(append(append(args, g.at(t, "pixels")), more...)...)
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]*tensors.Tensor{}
	for i, name := range c.names {
		named[name] = results[i]
	}
	return named
}

// Every stage of the forward pass is the references': tokens after the embedding
// and after each block, and both logits of each prediction, whole tensors.
func TestForwardMatchesReferences(t *testing.T) {
	backendtest.Each(t, func(t *testing.T, b compute.Backend) {
		for name := range goldens {
			if parity.Fresh() && !exists(name) {
				continue
			}
			t.Run(name, func(t *testing.T) {
				g := readGolden(t, name)
				graph := g.compile(t, b, true)
				draws := g.at(t, "annealed/draws")
				seen := g.row(name)
				for mode, probs := range map[string]any{
					"unmasked": make([]float32, g.network.Architecture().MaskBlocks),
					"masked":   ones(g.network.Architecture().MaskBlocks),
					"annealed": g.at(t, "annealed/probs"),
				} {
					var scale any = float32(1)
					if _, ok := g.tensors[mode+"/rope_scale"]; ok {
						scale = g.at(t, mode+"/rope_scale")
					}
					g.compare(t, mode, g.run(t, graph, probs, draws, scale), &seen)
				}
				seen.Report(t)
			})
		}
	})
}

// So is the inference graph, which has no masks to compute. (One case: that it
// is the masked graph at probability 0 is tested for both kinds.)
func TestInferenceMatchesReference(t *testing.T) {
	backendtest.Each(t, func(t *testing.T, b compute.Backend) {
		g := readGolden(t, "small")
		seen := g.row("small, inference graph")
		g.compare(t, "unmasked", g.run(t, g.compile(t, b, false)), &seen)
		seen.Report(t)
	})
}

// exists reports whether make parity has made a case.
func exists(name string) bool {
	_, err := os.Stat(filepath.Join(parity.Folder("model"), name+".safetensors"))
	return err == nil
}

// row is what a comparison of a case sees.
func (g golden) row(name string) parity.Row {
	return parity.Row{Component: "forward pass, " + name + ": every stage and prediction, float32",
		Against: g.against, Unit: "standard deviations", Tolerance: goldenTolerance}
}

// compare holds every tensor that the golden file has for a mode against got
// and notes the differences in seen. Of the unmasked mode the file has the final
// prediction alone, as prediction 0.
func (g golden) compare(t *testing.T, mode string, got map[string]*tensors.Tensor, seen *parity.Row) {
	t.Helper()
	compared := 0
	for name := range g.tensors {
		stage, ok := strings.CutPrefix(name, mode+"/")
		if !ok || stage == "probs" || stage == "draws" || stage == "rope_scale" {
			continue
		}
		compared++
		want := g.at(t, name)
		if mode == "unmasked" {
			final := fmt.Sprintf("logits.%d", g.network.Architecture().MaskBlocks)
			if last := strings.Replace(stage, "logits.0", final, 1); got[last] != nil {
				stage = last
			}
		}
		if got[stage] == nil {
			t.Errorf("%s: %s is not computed", mode, stage)
			continue
		}
		largest, spread := deviation(t, got[stage], want)
		seen.Add(largest, spread)
		d := largest / spread
		if !(d <= goldenTolerance) { // also where it is NaN
			t.Errorf("%s: %s differs by %.2g standard deviations, allowed %g", mode, stage, d, goldenTolerance)
		}
	}
	// Embedding, blocks, final tokens, and two logits a prediction.
	expected := 1 + g.network.Architecture().Blocks + 1 + 2
	if mode != "unmasked" {
		expected += 2 * g.network.Architecture().MaskBlocks
	}
	if compared != expected {
		t.Errorf("%s: %d tensors in the golden file, expected %d", mode, compared, expected)
	}
}

// deviation is the largest difference, and the standard deviation of want.
func deviation(t *testing.T, got, want *tensors.Tensor) (largest, spread float64) {
	t.Helper()
	if !got.Shape().Equal(want.Shape()) {
		t.Errorf("shape %s, want %s", got.Shape(), want.Shape())
		return math.NaN(), 1
	}
	a, b := tensors.MustCopyFlatData[float32](got), tensors.MustCopyFlatData[float32](want)
	var sum, squares float64
	for _, v := range b {
		sum += float64(v)
		squares += float64(v) * float64(v)
	}
	n := float64(len(b))
	return largestDifference(a, b), math.Sqrt(squares/n - sum/n*sum/n)
}

func ones(n int) []float32 {
	values := make([]float32, n)
	for i := range values {
		values[i] = 1
	}
	return values
}
