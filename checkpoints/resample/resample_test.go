package resample

import (
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"eomt/checkpoints/safetensors"
	"eomt/checkpoints/tensor"
	"eomt/internal/parity"
)

// TestAsTimm compares with timm's functions (testdata by scripts/goldens/weights.py).
func TestAsTimm(t *testing.T) {
	// Values are of order 1 to 3. timm takes the pseudo-inverse in float32, with
	// errors up to 1e-5 (2e-5 where patches shrink); the same code with float64
	// inside, and its interpolation, agree to float32's rounding.
	tolerance := func(stem, which string) float64 {
		switch {
		case strings.HasPrefix(stem, "grid"):
			return 2e-6
		case which == "out64":
			return 1e-6
		case stem == "patch.16.14":
			return 5e-5
		}
		return 1e-5
	}
	rows := map[string]*parity.Row{
		"grid":  {Component: "position embedding resized, float32", Tolerance: 2e-6},
		"patch": {Component: "patch embedding resized, float32", Tolerance: 1e-5},
	}
	file, err := safetensors.Open(filepath.Join(parity.Folder("checkpoints/resample"), "timm.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	index := tensor.ByName(file.Tensors)
	compared := 0
	for name, expected := range index {
		dot := strings.LastIndex(name, ".")
		stem, which := name[:dot], name[dot+1:]
		if which == "in" {
			continue
		}
		compared++
		got, err := resampled(index[stem+".in"])
		if err != nil {
			t.Fatal(err)
		}
		want, err := expected.Float32s()
		if err != nil || len(got) != len(want) {
			t.Fatalf("%s: %d numbers, want %d (%v)", name, len(got), len(want), err)
		}
		worst, scale := 0., 0.
		for i := range got {
			worst = max(worst, math.Abs(float64(got[i])-float64(want[i])))
			scale = max(scale, math.Abs(float64(want[i])))
		}
		if kind, _, _ := strings.Cut(stem, "."); stem != "patch.16.14" { // see tolerance
			rows[kind].Add(worst, scale)
		}
		t.Logf("%s: largest difference %.1e", name, worst)
		if !(worst <= tolerance(stem, which)) {
			t.Errorf("%s: largest difference %g, tolerance %g", name, worst, tolerance(stem, which))
		}
	}
	for _, kind := range []string{"patch", "grid"} {
		rows[kind].Against, rows[kind].Unit, rows[kind].AbsoluteTolerance = "timm", "of the largest value", true
		rows[kind].Report(t)
	}
	if compared != 15 {
		t.Errorf("%d cases compared, want 15", compared)
	}
}

// resampled does what the name of an input asks for.
func resampled(input tensor.Tensor) ([]float32, error) {
	values, err := input.Float32s()
	if err != nil {
		return nil, err
	}
	var from, to [2]int
	if n, _ := fmt.Sscanf(input.Name, "grid.%d.%d.%d.%d", &from[0], &from[1], &to[0], &to[1]); n == 4 {
		return Grid(values, input.Shape[2], from, to)
	}
	if n, _ := fmt.Sscanf(input.Name, "patch.%d.%d", &from[0], &to[0]); n == 2 {
		return PatchEmbed(values, from[0], to[0])
	}
	return nil, fmt.Errorf("no case %s", input.Name)
}

// TestPseudoInverse holds the definition: under the resize, the resized kernel
// answers as the old one does (m' pinv(m)' = 1 for a larger patch).
func TestPseudoInverse(t *testing.T) {
	for from := 1; from <= 24; from++ {
		for to := from; to <= 32; to++ {
			m := bicubic(from, to)
			p := pseudoinverseT(m)
			for i := range from {
				for j := range from {
					sum := 0.
					for k := range to {
						sum += m.row(k)[i] * p.row(k)[j]
					}
					want := 0.
					if i == j {
						want = 1
					}
					if !(math.Abs(sum-want) < 1e-9) {
						t.Fatalf("%d -> %d: entry %d, %d of the product is %g, want %g", from, to, i, j, sum, want)
					}
				}
			}
		}
	}
}

// TestPseudoInverseShrinking holds it the other way round: m pinv(m) = 1.
func TestPseudoInverseShrinking(t *testing.T) {
	for from := 2; from <= 32; from++ {
		for to := 1; to < from; to++ {
			m := bicubic(from, to)
			p := pseudoinverseT(m)
			for i := range to {
				for j := range to {
					sum := 0.
					for k := range from {
						sum += m.row(i)[k] * p.row(j)[k]
					}
					want := 0.
					if i == j {
						want = 1
					}
					if !(math.Abs(sum-want) < 1e-9) {
						t.Fatalf("%d -> %d: entry %d, %d of the product is %g, want %g", from, to, i, j, sum, want)
					}
				}
			}
		}
	}
}

func TestConstantStaysConstant(t *testing.T) {
	position := []float32{2, 2, 2, 2, 2, 2}
	got, err := Grid(position, 1, [2]int{2, 3}, [2]int{7, 1})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range got {
		if v != 2 {
			t.Errorf("a constant 2 became %v", got)
			break
		}
	}
}

func TestImpossibleSizes(t *testing.T) {
	if _, err := PatchEmbed(make([]float32, 10), 3, 4); err == nil {
		t.Error("10 numbers were taken for kernels of 3 x 3")
	}
	if _, err := PatchEmbed(nil, 0, 4); err == nil {
		t.Error("a patch of 0 pixels was accepted")
	}
	if _, err := Grid(make([]float32, 10), 1, [2]int{3, 3}, [2]int{4, 4}); err == nil {
		t.Error("10 numbers were taken for a grid of 3 x 3")
	}
	if _, err := Grid(nil, 1, [2]int{0, 3}, [2]int{4, 4}); err == nil {
		t.Error("a grid without rows was accepted")
	}
}
