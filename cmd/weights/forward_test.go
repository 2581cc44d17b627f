package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"eomt/checkpoints/safetensors"
	"eomt/checkpoints/tensor"
)

// readTensors reads a safetensors file whole.
func readTensors(t *testing.T, path string) map[string][]float32 {
	t.Helper()
	file, err := safetensors.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	all := map[string][]float32{}
	for _, one := range file.Tensors {
		if all[one.Name], err = one.Float32s(); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

func writeTensors(t *testing.T, tensors ...tensor.Tensor) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "in.safetensors")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := safetensors.Write(file, tensors, nil); err != nil {
		t.Fatal(err)
	}
	return path
}

// From the file's names to the last logit: a folder that transformers wrote
// gives what transformers computes from it (scripts/goldens/forward.py).
func TestForwardIsTransformers(t *testing.T) {
	// In standard deviations of the tensor, as in model's golden test; float32
	// sums in different orders over two blocks.
	const tolerance = 2e-5
	golden := readTensors(t, "testdata/forward.safetensors")
	for _, folder := range []string{"hf-eomt", "hf-eomt-sharded", "hf-eomt-bf16", "hf-eomt-swiglu", "hf-eomt-dinov3"} {
		for mode, prob := range map[string]float32{"unmasked": 0, "masked": 1} {
			input := writeTensors(t, tensor.FromFloat32s("pixel_values", []int{1, 3, 64, 64}, golden["pixel_values"]),
				tensor.FromFloat32s("mask_probs", []int{1}, []float32{prob}))
			output := filepath.Join(t.TempDir(), "out.safetensors")
			if _, err := command(t, "forward", "-backend", "go", "-weights", testdata+folder, "-input", input, "-output", output); err != nil {
				t.Fatal(err)
			}
			got := readTensors(t, output)
			names := []string{"class_logits.0", "class_logits.1", "mask_logits.0", "mask_logits.1", "tokens"}
			for _, name := range names {
				if got[name] == nil || len(got) != len(names) {
					t.Fatalf("%s: the output has %d tensors, want %v", folder, len(got), names)
				}
			}
			for ours, theirs := range map[string]string{"mask_logits.1": "mask_logits", "class_logits.1": "class_logits", "tokens": "tokens"} {
				want := golden[fmt.Sprintf("%s/%s/%s", folder, mode, theirs)]
				if d := deviation(got[ours], want); !(d <= tolerance) {
					t.Errorf("%s, %s: %s differs by %.2g standard deviations", folder, mode, ours, d)
				}
			}
		}
	}
}

// deviation is the largest difference in standard deviations of want.
func deviation(got, want []float32) float64 {
	if len(got) != len(want) {
		return math.NaN()
	}
	var sum, squares, largest float64
	for i, w := range want {
		sum += float64(w)
		squares += float64(w) * float64(w)
		largest = max(largest, math.Abs(float64(got[i]-w)))
	}
	n := float64(len(want))
	return largest / math.Sqrt(squares/n-sum/n*sum/n)
}

// Another image size than the weights' takes a resized position embedding.
func TestForwardAtAnotherSize(t *testing.T) {
	input := writeTensors(t, tensor.FromFloat32s("pixel_values", []int{2, 3, 32, 48}, make([]float32, 2*3*32*48)))
	output := filepath.Join(t.TempDir(), "out.safetensors")
	if _, err := command(t, "forward", "-backend", "go", "-weights", testdata+"hf-eomt", "-input", input, "-output", output); err != nil {
		t.Fatal(err)
	}
	file, err := safetensors.Open(output)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	index := tensor.ByName(file.Tensors)
	if got := index["mask_logits.1"].Shape; !slices.Equal(got, []int{2, 3, 8, 12}) {
		t.Errorf("mask logits are %v", got)
	}
}

func TestForwardIsInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	never := make(chan struct{})
	defer close(never)
	_, err := interruptible(ctx, func() ([]tensor.Tensor, error) { <-never; return nil, nil })
	if err == nil || err.Error() != "weights: forward: interrupted" {
		t.Errorf("got %v", err)
	}
}

func TestForwardRejects(t *testing.T) {
	pixels := tensor.FromFloat32s("pixel_values", []int{1, 3, 64, 64}, make([]float32, 3*64*64))
	probs := func(values ...float32) tensor.Tensor {
		return tensor.FromFloat32s("mask_probs", []int{len(values)}, values)
	}
	integers, err := tensor.New("pixel_values", tensor.Uint8, []int{1}, []byte{0})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		want, weights string
		input         []tensor.Tensor
	}{
		{"no tensor pixel_values", "hf-eomt", []tensor.Tensor{probs(1)}},
		{"mask_probs [0.5] must each be 0 or 1", "hf-eomt", []tensor.Tensor{pixels, probs(0.5)}},
		{"mask_probs has 2 values, the model has 1 block", "hf-eomt", []tensor.Tensor{pixels, probs(0, 1)}},
		{"unknown tensor pixels F32", "hf-eomt", []tensor.Tensor{pixels.Renamed("pixels")}},
		{"pixel_values U8 [1] must be F32", "hf-eomt", []tensor.Tensor{integers}},
		{"pixel_values F32 [12288] must be [B, 3, H, W]", "hf-eomt",
			[]tensor.Tensor{tensor.FromFloat32s("pixel_values", []int{12288}, make([]float32, 12288))}},
		{"image width 40: must be a positive multiple of the patch, 16", "hf-eomt",
			[]tensor.Tensor{tensor.FromFloat32s("pixel_values", []int{1, 3, 32, 40}, make([]float32, 3*32*40))}},
		{"of a backbone alone", "dinov2-reg.pth", []tensor.Tensor{pixels}},
		{"SiLU in mask head", "hf-eomt-dinov3-gated", []tensor.Tensor{pixels}},
		{"no such file", "nothing", []tensor.Tensor{pixels}},
	} {
		output := filepath.Join(t.TempDir(), "out.safetensors")
		_, err := command(t, "forward", "-backend", "go", "-weights", testdata+c.weights, "-input", writeTensors(t, c.input...), "-output", output)
		if err == nil {
			t.Errorf("%s: accepted", c.want)
			continue
		}
		wantText(t, err.Error(), c.want)
		if _, err := os.Stat(output); err == nil {
			t.Errorf("%s: an output file was written", c.want)
		}
	}
}

// An official file of an unpublished width leaves the heads open.
func TestForwardNeedsTheHeads(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pytorch_model.bin")
	if _, err := command(t, "convert", "-in", testdata+"hf-eomt", "-out", file, "-format", "official"); err != nil {
		t.Fatal(err)
	}
	input := writeTensors(t, tensor.FromFloat32s("pixel_values", []int{1, 3, 64, 64}, make([]float32, 3*64*64)))
	_, err := command(t, "forward", "-backend", "go", "-weights", file, "-input", input, "-output", filepath.Join(t.TempDir(), "out.safetensors"))
	if err == nil {
		t.Fatal("accepted")
	}
	wantText(t, err.Error(), "do not state their number of attention heads: give a checkpoint or a Hugging Face folder")
}

// Checkpoints of an earlier version compute what they computed there.
func TestForwardOfOldRuns(t *testing.T) {
	const tolerance = 1e-5 // in standard deviations; float32 sums in different orders
	old := filepath.Join("..", "..", "checkpoints", "testdata", "old")
	for _, kind := range []string{"dinov2", "dinov3"} {
		output := filepath.Join(t.TempDir(), "out.safetensors")
		if _, err := command(t, "forward", "-backend", "go", "-weights", filepath.Join(old, kind),
			"-input", filepath.Join(old, "input.safetensors"), "-output", output); err != nil {
			t.Fatal(err)
		}
		got, want := readTensors(t, output), readTensors(t, filepath.Join(old, kind+".forward.safetensors"))
		if len(got) != len(want) {
			t.Errorf("%s: %d tensors, want %d", kind, len(got), len(want))
		}
		for name := range want {
			if d := deviation(got[name], want[name]); !(d <= tolerance) {
				t.Errorf("%s: %s differs by %.2g standard deviations", kind, name, d)
			}
		}
	}
}
