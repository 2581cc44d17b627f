package weights

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"eomt/arch"
	"eomt/checkpoints/safetensors"
	"eomt/checkpoints/tensor"
)

func TestRoundTripsAreBitExact(t *testing.T) {
	bitForBit(t, "weights written again in every format", "torch, transformers")
	for _, name := range []string{"hf-eomt", "hf-eomt-swiglu", "hf-eomt-bf16", "hf-eomt-dinov3", "hf-eomt-dinov3-gated"} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			original := reference(name)
			native := filepath.Join(dir, "native")
			hf := filepath.Join(dir, "hf")
			convert(t, original, func(m *Model) error { return m.WriteNative(native) })
			convert(t, native, func(m *Model) error { return m.WriteHF(hf) })
			wantSameFile(t, filepath.Join(hf, singleName), filepath.Join(original, singleName))
			wantConfig(t, hf, original)
		})
	}
	t.Run("official", func(t *testing.T) {
		dir := t.TempDir()
		native, bin := filepath.Join(dir, "native"), filepath.Join(dir, "sub", "out.bin")
		convert(t, reference("official.bin"), func(m *Model) error { return m.WriteNative(native) })
		convert(t, native, func(m *Model) error { return m.WriteOfficial(bin) })
		got, err := openSource(bin)
		if err != nil {
			t.Fatal(err)
		}
		defer got.files.Close()
		want, err := openSource(reference("official.bin"))
		if err != nil {
			t.Fatal(err)
		}
		defer want.files.Close()
		wantEqual(t, got.tensors, want.tensors)
	})
	t.Run("HF to official and back", func(t *testing.T) {
		dir := t.TempDir()
		bin, hf := filepath.Join(dir, "out.bin"), filepath.Join(dir, "hf")
		convert(t, reference("official.bin"), func(m *Model) error { return m.WriteHF(hf) })
		convert(t, hf, func(m *Model) error { return m.WriteOfficial(bin) })
		m, err := Open(bin)
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		wantGolden(t, m.Tensors, "official")
	})
}

// convert opens path and writes what it holds.
func convert(t *testing.T, path string, write func(*Model) error) {
	t.Helper()
	m, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if err := write(m); err != nil {
		t.Fatal(err)
	}
}

func wantSameFile(t *testing.T, got, want string) {
	t.Helper()
	a, err := safetensors.Open(got)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	b, err := safetensors.Open(want)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	wantEqual(t, a.Tensors, b.Tensors)
	if !cmp.Equal(a.Metadata, b.Metadata) {
		t.Errorf("metadata %v, want %v", a.Metadata, b.Metadata)
	}
}

// wantConfig fails unless every field that WriteHF writes is as transformers wrote it.
func wantConfig(t *testing.T, got, want string) {
	t.Helper()
	fields := [2]map[string]any{}
	for i, folder := range []string{got, want} {
		text, err := os.ReadFile(filepath.Join(folder, configName))
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, &fields[i]); err != nil {
			t.Fatal(err)
		}
	}
	for field, value := range fields[0] {
		if field == "hidden_act" && fields[1]["use_swiglu_ffn"] == true {
			continue // has no effect there
		}
		if diff := cmp.Diff(fields[1][field], value); diff != "" {
			t.Errorf("%s differs (-want +got):\n%s", field, diff)
		}
	}
}

func TestWritersNeverOverwrite(t *testing.T) {
	m, err := Open("testdata/hf-eomt")
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	dir := t.TempDir()
	for name, write := range map[string]func() error{
		"hf":       func() error { return m.WriteHF(filepath.Join(dir, "hf")) },
		"native":   func() error { return m.WriteNative(filepath.Join(dir, "native")) },
		"official": func() error { return m.WriteOfficial(filepath.Join(dir, "a.bin")) },
	} {
		if err := write(); err != nil {
			t.Fatal(err)
		}
		wantError(t, write(), "already", dir)
		_ = name
	}
}

func TestWhatFormatsCannotHold(t *testing.T) {
	open := func() *Model {
		m, err := Open("testdata/hf-eomt-dinov3")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { m.Close() })
		return m
	}
	dir := t.TempDir()
	m := open()
	m.Architecture.Grid = [2]int{4, 8}
	wantError(t, m.WriteHF(filepath.Join(dir, "oblong")), "square", "4 x 8")

	m = open()
	for i, one := range m.Tensors {
		if strings.HasSuffix(one.Name, "attn.qkv.bias") {
			m.Tensors[i] = tensor.FromFloat32s(one.Name, one.Shape, slices.Repeat([]float32{1}, 48))
		}
	}
	wantError(t, m.WriteHF(filepath.Join(dir, "key")), "part 2 of 3 must be zero")
	if left, _ := filepath.Glob(filepath.Join(dir, "key", "*")); len(left) > 0 {
		t.Errorf("a failed write leaves %v", left)
	}

	m = open()
	m.Architecture.SwiGLU = true
	wantError(t, m.WriteHF(filepath.Join(dir, "gelu")), "has SiLU in its mask head")
	m.Architecture.HeadSiLU = true
	wantError(t, m.WriteOfficial(filepath.Join(dir, "silu.bin")), "has GELU in mask head")

	m = open()
	m.Architecture.Heads = 0
	wantError(t, m.WriteHF(filepath.Join(dir, "heads")), "attention heads")

	backbone, err := Open("testdata/timm-reg.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	defer backbone.Close()
	wantError(t, backbone.WriteOfficial(filepath.Join(dir, "a.bin")), "no EoMT")

	odd := arch.Architecture{Width: 16, Hidden: 33}
	if _, err := mlpRatio(odd); err == nil {
		t.Error("an MLP of 33 from 16 has an mlp_ratio")
	}
	giant := arch.Architecture{Width: 1536, Hidden: 4096, SwiGLU: true}
	if ratio, err := mlpRatio(giant); err != nil || ratio != 4 {
		t.Errorf("mlp_ratio of g is %d, %v", ratio, err)
	}
}

func TestLabelsTravel(t *testing.T) {
	dir := t.TempDir()
	m, err := Open("testdata/hf-eomt")
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	m.Labels = []string{"person", "car & <bike>", "sky", "é"}
	if err := m.WriteNative(filepath.Join(dir, "native")); err != nil {
		t.Fatal(err)
	}
	convert(t, filepath.Join(dir, "native"), func(m *Model) error { return m.WriteHF(filepath.Join(dir, "hf")) })
	got, err := Open(filepath.Join(dir, "hf"))
	if err != nil {
		t.Fatal(err)
	}
	defer got.Close()
	if !slices.Equal(got.Labels, m.Labels) {
		t.Errorf("labels %q, want %q", got.Labels, m.Labels)
	}
}
