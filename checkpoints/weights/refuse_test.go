package weights

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"eomt/checkpoints"
	"eomt/checkpoints/names"
	"eomt/checkpoints/safetensors"
	"eomt/checkpoints/tensor"
)

// TestNoTensorPassesSilently removes, renames, reshapes and doubles every tensor
// of every format, one at a time; none of it may load. Tensors that are no
// parameters may be absent, but not unknown.
func TestNoTensorPassesSilently(t *testing.T) {
	paths := []string{filepath.Join(nativeCopy(t, "hf-eomt-dinov3"), "params.safetensors"), "testdata/official-dinov3-deltas.bin"}
	for _, c := range formats {
		if c.golden != "" {
			paths = append(paths, filepath.Join("testdata", c.file))
		}
	}
	for _, path := range paths {
		s, err := openSource(path)
		if err != nil {
			t.Fatal(err)
		}
		table, ok := names.Detect(s.tensors)
		if !ok {
			t.Fatalf("%s has no known format", path)
		}
		reading, err := table.Read(s.tensors)
		if err != nil {
			t.Fatal(err)
		}
		for i, one := range s.tensors {
			_, isBuffer := reading.Buffers[one.Name]
			for change, tensors := range changes(s.tensors, i) {
				if isBuffer && change != "renamed" || isAnotherModel(table.Format, one.Name, change) {
					continue
				}
				changed := &source{tensors: tensors, files: closers{}, folder: s.folder}
				if m, err := changed.model(path); err == nil {
					t.Errorf("%s: %s %s and still loaded as %+v", path, one.Name, change, m.Architecture)
				} else if strings.Contains(err.Error(), "panic") {
					t.Errorf("%s: %s %s: %v", path, one.Name, change, err)
				}
			}
		}
		s.files.Close()
	}
}

// isAnotherModel reports whether a change makes another whole model: a backbone
// without registers, or with nothing but the tensor to say so, more queries.
func isAnotherModel(format names.Format, name, change string) bool {
	official := format == names.OfficialDINOv2 || format == names.OfficialDINOv3
	if official && name == "network.q.weight" && change == "reshaped" {
		return true
	}
	for _, registers := range []string{"reg_token", "register_tokens", "storage_tokens"} {
		if strings.HasSuffix(name, registers) && change == "removed" {
			return !slices.Contains([]names.Format{names.HFDINOv2, names.HFDINOv3, names.HFBackboneV3}, format)
		}
	}
	return false
}

// changes are the tensors with number i spoiled in each way.
func changes(tensors []tensor.Tensor, i int) map[string][]tensor.Tensor {
	one := tensors[i]
	replaced := func(by ...tensor.Tensor) []tensor.Tensor {
		return slices.Concat(tensors[:i], by, tensors[i+1:])
	}
	longer := slices.Clone(one.Shape)
	longer[0]++
	reshaped := tensor.Lazy(one.Name, one.DType, longer, func() ([]byte, error) { return nil, io.EOF })
	return map[string][]tensor.Tensor{
		"removed": replaced(), "renamed": replaced(one.Renamed(one.Name + "_")), "reshaped": replaced(reshaped),
		"doubled": replaced(one, one),
	}
}

func TestMismatchNamesTheTensor(t *testing.T) {
	s, err := openSource("testdata/hf-eomt")
	if err != nil {
		t.Fatal(err)
	}
	defer s.files.Close()
	at := slices.IndexFunc(s.tensors, func(one tensor.Tensor) bool { return one.Name == "layers.1.attention.k_proj.bias" })
	for change, want := range map[string]checkpoints.MismatchError{
		"removed": {Missing: []string{"layers.1.attention.k_proj.bias", "backbone.blocks.1.attn.qkv.bias"}},
		"renamed": {Missing: []string{"layers.1.attention.k_proj.bias", "backbone.blocks.1.attn.qkv.bias"}, Unexpected: []string{"layers.1.attention.k_proj.bias_"}},
	} {
		changed := &source{tensors: changes(s.tensors, at)[change], folder: s.folder}
		_, err := changed.model("x")
		var got *checkpoints.MismatchError
		if !errors.As(err, &got) {
			t.Errorf("%s: %v", change, err)
		} else if diff := cmp.Diff(&want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", change, diff)
		}
	}
}

func TestConfigContradictions(t *testing.T) {
	for field, value := range map[string]string{
		"hidden_size": "32", "num_hidden_layers": "3", "patch_size": "14", "num_register_tokens": "3",
		"num_queries": "4", "num_upscale_blocks": "1", "image_size": "128", "use_swiglu_ffn": "true",
		"hidden_act": `"relu"`, "num_blocks": "3", "num_attention_heads": "5", "layer_norm_eps": "0",
	} {
		dir := copyFolder(t, "testdata/hf-eomt")
		edit(t, filepath.Join(dir, configName), field, value)
		wantError(t, second(Open(dir)), dir)
	}
	dir := copyFolder(t, "testdata/hf-eomt-swiglu")
	edit(t, filepath.Join(dir, configName), "hidden_act", `"relu"`)
	wantError(t, second(Open(dir)), `hidden_act "relu"`, "gelu or silu")
	dir = copyFolder(t, "testdata/hf-eomt-dinov3-gated")
	edit(t, filepath.Join(dir, configName), "hidden_act", `"gelu"`)
	wantError(t, second(Open(dir)), `hidden_act "gelu"`, "want silu")
	dir = copyFolder(t, "testdata/hf-eomt-dinov3")
	edit(t, filepath.Join(dir, configName), "rope_parameters", `{"rope_type": "yarn"}`)
	wantError(t, second(Open(dir)), `rope_type "yarn"`)
	edit(t, filepath.Join(dir, configName), "rope_parameters", `{"rope_theta": -1}`)
	wantError(t, second(Open(dir)), "RoPE base of -1")
	edit(t, filepath.Join(dir, configName), "image_size", "-64")
	wantError(t, second(Open(dir)), "grid of -4 x -4 patches")
	edit(t, filepath.Join(dir, configName), "rope_parameters", `{`)
	wantError(t, second(Open(dir)), "config.json")
}

// copyFolder copies a folder's files to a temporary one.
func copyFolder(t *testing.T, from string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	return dir
}

// edit replaces the value of a top-level field of a JSON file, unchecked.
func edit(t *testing.T, path, field, value string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(text, &fields); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for name, raw := range fields {
		if name == field {
			raw = json.RawMessage(value)
		}
		fmt.Fprintf(&b, ",%q:%s", name, raw)
	}
	if err := os.WriteFile(path, []byte("{"+b.String()[1:]+"}"), 0o666); err != nil {
		t.Fatal(err)
	}
}

func TestShardsMustAgreeWithTheIndex(t *testing.T) {
	const index, first = "model.safetensors.index.json", "model-00001-of-00003.safetensors"
	for name, spoil := range map[string]func(dir string) error{
		"no such file": func(dir string) error { return os.Remove(filepath.Join(dir, first)) },
		"is in": func(dir string) error {
			return os.Rename(filepath.Join(dir, "model-00002-of-00003.safetensors"), filepath.Join(dir, first))
		},
		"not a safetensors file in its folder": func(dir string) error {
			edit(t, filepath.Join(dir, index), "weight_map", `{"a": "../../secret.safetensors"}`)
			return nil
		},
		"invalid character": func(dir string) error { return os.WriteFile(filepath.Join(dir, index), []byte("x"), 0o666) },
	} {
		dir := copyFolder(t, "testdata/hf-eomt-sharded")
		if err := spoil(dir); err != nil {
			t.Fatal(err)
		}
		wantError(t, second(Open(dir)), name)
	}
}

func TestOpenWhereNoWeightsAre(t *testing.T) {
	dir := t.TempDir()
	wantError(t, second(Open(dir)), dir, "model.safetensors", "nor a checkpoint of this project")
	wantError(t, second(Open(filepath.Join(dir, "absent"))), "no such file", "absent")

	path := filepath.Join(dir, "other.safetensors")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := safetensors.Write(file, []tensor.Tensor{tensor.FromFloat32s("bert.weight", []int{1}, []float32{1})}, nil); err != nil {
		t.Fatal(err)
	}
	file.Close()
	wantError(t, second(Open(path)), "no known format", "bert.weight")
}

func TestCountIsBounded(t *testing.T) {
	one := tensor.FromFloat32s("backbone.blocks.9999.x", []int{1}, []float32{1})
	if n := count([]tensor.Tensor{one}, "backbone.blocks."); n != 1 {
		t.Errorf("one tensor makes %d blocks", n)
	}
}
