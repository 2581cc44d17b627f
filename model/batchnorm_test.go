package model

import (
	"fmt"
	"math"
	"testing"

	"github.com/gomlx/compute/distributed"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"eomt/internal/backend/backendtest"
)

// A batch that devices share out is normalised by its own statistics, as on one device:
// results, running values, and gradients of the input and of the parameters' sum.
func TestBatchNormOverDevices(t *testing.T) {
	const images, size, channels = 4, 3, 2
	b := backendtest.Devices(t, 4)
	input := values("x", "batch norm", images*size*size*channels)
	for i := range input { // each image with a mean of its own
		input[i] = input[i]*float64(1+i%channels) + 3*float64(i*images/len(input))
	}
	graph := func(in []*Node) []*Node {
		n := &net{dtype: in[0].DType(), running: map[string]*Node{}, params: Params{
			"n.weight": in[1], "n.bias": in[2], "n.running_mean": in[3], "n.running_var": in[4]}}
		y := n.batchNorm("n", in[0])
		g := Gradient(ReduceAllSum(Mul(Sin(y), in[0])), in[0], in[1], in[2])
		return append([]*Node{y, g[0], n.running["n.running_mean"], n.running["n.running_var"]}, g[1:]...)
	}
	run := func(devices int) (whole [][]float64) {
		exec := MustNewExec(b, graph)
		defer exec.Finalize()
		if devices > 1 {
			mesh, err := distributed.NewDeviceMesh([]int{devices}, []string{"data"})
			if err != nil {
				t.Fatal(err)
			}
			exec = exec.SPMD(mesh)
		}
		var args []any
		each := images / devices
		for d := range devices {
			part := input[d*len(input)/devices : (d+1)*len(input)/devices]
			args = append(args, tensors.FromFlatDataAndDimensions(part, each, size, size, channels),
				[]float64{0.5, 2}, []float64{0.1, -0.3}, []float64{0, 1}, []float64{1, 2})
		}
		out, err := exec.Call(args...)
		if err != nil {
			t.Fatal(err)
		}
		whole = make([][]float64, len(out)/devices)
		for i, o := range out {
			got, k := tensors.MustCopyFlatData[float64](o), i%len(whole)
			switch first := i < len(whole); {
			case k < 2: // of the images
				whole[k] = append(whole[k], got...)
			case first: // of parameters: to be summed; running values: on each device the same
				whole[k] = got
			default:
				for j := range got {
					if k < 4 && got[j] != whole[k][j] {
						t.Errorf("running value %d is %v on one device, %v on another", k-2, got[j], whole[k][j])
					} else if k >= 4 {
						whole[k][j] += got[j]
					}
				}
			}
		}
		return whole
	}
	want := run(1)
	for _, devices := range []int{2, 4} {
		t.Run(fmt.Sprint(devices), func(t *testing.T) {
			for k, got := range run(devices) {
				for j := range want[k] {
					if !(math.Abs(got[j]-want[k][j]) <= 1e-10) { // roundings of float64
						t.Fatalf("output %d: %v, on one device %v", k, got[j], want[k][j])
					}
				}
			}
		})
	}
}
