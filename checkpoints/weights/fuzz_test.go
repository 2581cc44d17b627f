package weights

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"eomt/checkpoints"
	"eomt/checkpoints/tensor"
)

// readsWhole fails unless everything that an opened model claims to hold can be read.
func readsWhole(t *testing.T, m *Model) {
	t.Helper()
	defer m.Close()
	if len(m.Tensors) != len(m.Architecture.Tensors()) || len(m.Loading.Loaded) != len(m.Tensors) {
		t.Fatalf("%d tensors, %d loaded, the architecture has %d", len(m.Tensors), len(m.Loading.Loaded), len(m.Architecture.Tensors()))
	}
	for _, one := range m.Tensors {
		if data, err := one.Bytes(); err != nil || int64(len(data)) != one.ByteSize() {
			t.Fatalf("%v: %d bytes, %v", one, len(data), err)
		}
	}
	_ = m.Loading.String()
}

// replace writes a new file in place of one; to truncate that one instead would
// have some file systems wait for the disk.
func replace(tb testing.TB, path string, content []byte) {
	tb.Helper()
	if err := os.Remove(path); err != nil {
		tb.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o666); err != nil {
		tb.Fatal(err)
	}
}

// FuzzFolder changes the configuration and the index of a folder of Hugging
// Face's whose shards are whole.
func FuzzFolder(f *testing.F) {
	for _, name := range []string{"hf-eomt-sharded", "hf-eomt-dinov3", "hf-dinov3", "hf-dinov2-swiglu"} {
		config, err := os.ReadFile(filepath.Join("testdata", name, configName))
		if err != nil {
			f.Fatal(err)
		}
		index, err := os.ReadFile("testdata/hf-eomt-sharded/" + indexName)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(config, index)
	}
	f.Add([]byte(`{"num_attention_heads": 0, "image_size": -1}`), []byte(`{"weight_map": {"a": "../a.safetensors"}}`))
	dir := f.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/hf-eomt-sharded")); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, config, index []byte) {
		for name, text := range map[string][]byte{configName: config, indexName: index} {
			replace(t, filepath.Join(dir, name), text)
		}
		if m, err := Open(dir); err == nil {
			readsWhole(t, m)
		}
	})
}

// FuzzNames makes up a file's names, types and shapes, one tensor a line.
func FuzzNames(f *testing.F) {
	for _, c := range formats {
		if c.golden == "" {
			continue
		}
		s, err := openSource(filepath.Join("testdata", c.file))
		if err != nil {
			f.Fatal(err)
		}
		var lines strings.Builder
		for _, one := range s.tensors {
			fmt.Fprintln(&lines, one.Name, one.DType, strings.Trim(fmt.Sprint(one.Shape), "[]"))
		}
		f.Add(lines.String())
		s.files.Close()
	}
	f.Fuzz(func(t *testing.T, lines string) {
		s := &source{files: closers{}, folder: t.TempDir()}
		for line := range strings.Lines(lines) {
			if one, ok := zeroTensor(strings.Fields(line)); ok {
				s.tensors = append(s.tensors, one)
			}
		}
		if m, err := s.model("fuzzed"); err == nil {
			readsWhole(t, m)
		}
	})
}

// zeroTensor is a tensor of zeros by name, type and dimensions, false if it
// could be in no file of a megabyte.
func zeroTensor(words []string) (tensor.Tensor, bool) {
	if len(words) < 2 {
		return tensor.Tensor{}, false
	}
	var shape []int
	for _, word := range words[2:] {
		n, err := strconv.Atoi(word)
		if err != nil {
			return tensor.Tensor{}, false
		}
		shape = append(shape, n)
	}
	dtype := tensor.DType(words[1])
	size, err := tensor.ByteSize(dtype, shape)
	if err != nil || size > 1<<20 {
		return tensor.Tensor{}, false
	}
	return tensor.Streamed(words[0], dtype, shape, func(dst []byte) error { clear(dst); return nil }), true
}

// nativeCopy writes testdata's folder as a checkpoint of this project and returns
// the folder of its step.
func nativeCopy(tb testing.TB, folder string) string {
	tb.Helper()
	m, err := Open(filepath.Join("testdata", folder))
	if err != nil {
		tb.Fatal(err)
	}
	defer m.Close()
	dir := tb.TempDir()
	if err := m.WriteNative(dir); err != nil {
		tb.Fatal(err)
	}
	step, err := checkpoints.Find(dir)
	if err != nil {
		tb.Fatal(err)
	}
	return step
}

// writeState replaces a checkpoint's state and makes its checksums right again.
func writeState(tb testing.TB, step string, state []byte) {
	tb.Helper()
	replace(tb, filepath.Join(step, "state.json"), state)
	var sums []byte
	for _, name := range []string{"params.safetensors", "optimizer.safetensors", "state.json"} {
		content, err := os.ReadFile(filepath.Join(step, name))
		if err != nil {
			tb.Fatal(err)
		}
		sums = fmt.Appendf(sums, "%x  %s\n", sha256.Sum256(content), name)
	}
	replace(tb, filepath.Join(step, "SHA256SUMS"), sums)
}

// FuzzState changes what a checkpoint of this project says about itself; its
// checksums are right.
func FuzzState(f *testing.F) {
	step := nativeCopy(f, "hf-eomt-dinov3")
	state, err := os.ReadFile(filepath.Join(step, "state.json"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(state)
	f.Add([]byte(strings.Replace(string(state), `"norm_eps"`, `"lora": {"rank": 2, "alpha": 1, "targets": "q fc2"}, "norm_eps"`, 1)))
	f.Fuzz(func(t *testing.T, state []byte) {
		writeState(t, step, state)
		if m, err := Open(step); err == nil {
			readsWhole(t, m)
		}
	})
}

// TestStateContradictions holds a checkpoint's own words against its tensors.
func TestStateContradictions(t *testing.T) {
	step := nativeCopy(t, "hf-eomt-dinov3")
	whole, err := os.ReadFile(filepath.Join(step, "state.json"))
	if err != nil {
		t.Fatal(err)
	}
	for field, value := range map[string]string{
		`"blocks": 2`: `"blocks": 1000000000000`, `"width": 16`: `"width": 0`, `"hidden": 32`: `"hidden": -1`,
		`"patch": 16`: `"patch": 0`, `"queries": 3`: `"queries": 4`, `"upscales": 2`: `"upscales": 1000000000`,
		`"registers": 4`: `"registers": 5`, `"kind": "dinov3"`: `"kind": "dinov2"`, `"classes": 4`: `"classes": 5`,
		`"heads": 2`: `"heads": 3`, `"mask_blocks": 1`: `"mask_blocks": 3`, `"rope_theta": 100`: `"rope_theta": -1`,
		`"norm_eps": 0.000001`: `"norm_eps": 0`, "\n      4,\n": "\n      -4,\n",
	} {
		changed := strings.Replace(string(whole), field, value, 1)
		if changed == string(whole) {
			t.Fatalf("state.json has no %s: %s", field, whole)
		}
		writeState(t, step, []byte(changed))
		wantError(t, second(Open(step)), step)
	}
	writeState(t, step, whole)
	m, err := Open(step)
	if err != nil {
		t.Fatal(err)
	}
	readsWhole(t, m)
}
