//go:build cgo && !noxla && (linux || darwin)

package train

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"unsafe"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/go-xla/compute/xla"

	"eomt/arch"
	"eomt/internal/backend"
)

// programOnly is a backend that hands out a program's StableHLO instead of compiling it.
type programOnly struct {
	compute.Backend
	program string
}

func (b *programOnly) Builder(name string) compute.Builder {
	return &programBuilder{b.Backend.Builder(name), b}
}

// IsCPU is go-xla's, by the plugin's name.
func (b *programOnly) IsCPU() bool { return b.Backend.(*xla.Backend).IsCPU() }

type programBuilder struct {
	compute.Builder
	backend *programOnly
}

var errNotCompiled = errors.New("not compiled")

// Compile reads the text from where no method of go-xla's builder leads.
func (b *programBuilder) Compile() (compute.Executable, error) {
	field := reflect.ValueOf(b.Builder).Elem().FieldByName("builder")
	text := reflect.NewAt(field.Type(), unsafe.Pointer(field.UnsafeAddr())).Elem().Interface().(interface{ Build() ([]byte, error) })
	program, err := text.Build()
	b.backend.program = string(program)
	return nil, errors.Join(err, errNotCompiled)
}

// cudaWithoutGPU builds programs as for xla:cuda: go-xla goes by the plugin's name, so
// the CPU's plugin stands in under another.
func cudaWithoutGPU(t *testing.T) *programOnly {
	t.Helper()
	if !backend.HasPlugin("cpu") {
		t.Skip("no PJRT plugin here: `make setup` fetches it")
	}
	b, err := backend.Open(backend.Choice{Name: "xla:cpu"})
	if err != nil {
		t.Fatal(err)
	}
	named := b.(*xla.Backend).PluginName()
	b.Finalize()
	link := filepath.Join(t.TempDir(), "pjrt_c_api_cuda_plugin.so")
	if err := os.Symlink(named, link); err != nil {
		t.Fatal(err)
	}
	cuda, err := xla.New(link)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cuda.Finalize)
	return &programOnly{Backend: cuda}
}

// On xla:cuda the attention of L in bfloat16 is cuDNN's, forward and backward, with
// masks as a bias where queries are: no scores of all pairs of tokens are left. The
// backward pass computes an attention with bias again, rather than keep the bias.
func TestAttentionOfLGoesToCuDNN(t *testing.T) {
	a, err := arch.DefaultSettings().Architecture(133)
	if err != nil {
		t.Fatal(err)
	}
	program := programForCUDA(t, func(c *StepConfig) {
		c.Network, c.Precision, c.Schedule.Annealing = network(a), dtypes.BFloat16, nil
	})
	for target, calls := range map[string]int{
		"__cudnn$fmhaSoftmax": a.Blocks - a.MaskBlocks, "__cudnn$fmhaSoftmaxBackward": a.Blocks - a.MaskBlocks,
		"__cudnn$fmhaScaleBiasSoftmax": 2 * a.MaskBlocks, "__cudnn$fmhaScaleBiasSoftmaxBackward": a.MaskBlocks,
	} {
		if n := strings.Count(program, fmt.Sprintf("call_target_name = %q", target)); n != calls {
			t.Errorf("%d calls of %s, want %d", n, target, calls)
		}
	}
	tokens := a.Queries + a.Prefix() + a.GridH()*a.GridW()
	for _, s := range []int{tokens, tokens + 1} {
		if scores := fmt.Sprintf("%dx%dxf32", s, s); strings.Contains(program, scores) {
			t.Errorf("the program has values of %s", scores)
		}
	}
	products := 0
	for _, product := range regexp.MustCompile(`(?s)"stablehlo\.dot_general".*?\} : (\(.*?\))`).FindAllStringSubmatch(program, -1) {
		if !strings.Contains(product[1], fmt.Sprintf("<2x%dx", tokens)) {
			continue
		}
		if products++; strings.Contains(product[1], "f32") {
			t.Errorf("a product of tokens in float32: %s", product[1])
		}
	}
	// Four weights in each block that queries pass through, and two gradients of each product.
	if want := 4 * 3 * a.MaskBlocks; products != want {
		t.Errorf("%d products of tokens, want %d", products, want)
	}
}

// In float32, which cuDNN does not take, nothing is its.
func TestAttentionInFloat32IsNotCuDNNs(t *testing.T) {
	if program := programForCUDA(t, func(*StepConfig) {}); !strings.Contains(program, "stablehlo.dot_general") || strings.Contains(program, "__cudnn") {
		t.Error("calls of cuDNN, or no products, in the program")
	}
}

// programForCUDA is the StableHLO of a whole step of two images.
func programForCUDA(t *testing.T, change func(*StepConfig)) string {
	t.Helper()
	b, c := cudaWithoutGPU(t), small(133)
	change(&c)
	step, err := NewStep(b, c)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := step.program(2, 8, false, dtypes.Float32); !errors.Is(err, errNotCompiled) {
		t.Fatal(err)
	}
	return b.program
}
