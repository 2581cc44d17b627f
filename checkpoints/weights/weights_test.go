package weights

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
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

// The files in testdata are made by scripts/goldens/weights.py: random weights
// written by the libraries that define the formats, and for each NAME what it
// must become, in NAME.expected.safetensors.

var (
	tinyDINOv2 = names.Architecture{Kind: names.DINOv2, Width: 16, Blocks: 2, Hidden: 32, Patch: 14, Grid: [2]int{5, 5}, Registers: 4, NormEps: 1e-6}
	tinyDINOv3 = names.Architecture{Kind: names.DINOv3, Width: 16, Blocks: 2, Hidden: 32, Patch: 16, Registers: 4, NormEps: 1e-5, RopeTheta: 100}
)

// with is a copy of a, changed.
func with(a names.Architecture, change func(*names.Architecture)) names.Architecture {
	change(&a)
	return a
}

// eomt adds the heads of the tiny test models.
func eomt(a *names.Architecture) {
	a.Patch, a.Grid, a.Heads, a.NormEps = 16, [2]int{4, 4}, 2, 1e-6
	a.Queries, a.Classes, a.MaskBlocks, a.Upscales = 3, 4, 1, 2
}

var formats = []struct {
	file   string // in testdata
	golden string // stem of the expected tensors
	format names.Format
	want   names.Architecture
}{
	{"dinov2-reg.pth", "dinov2-reg", names.MetaDINOv2, tinyDINOv2},
	{"dinov2-swiglu.pth", "dinov2-swiglu", names.MetaDINOv2, with(tinyDINOv2, func(a *names.Architecture) { a.SwiGLU = true })},
	{"dinov2-noreg.pth", "dinov2-noreg", names.MetaDINOv2, with(tinyDINOv2, func(a *names.Architecture) { a.Registers = 0 })},
	{"timm-reg.safetensors", "timm-reg", names.TimmDINOv2, tinyDINOv2},
	{"timm-swiglu.safetensors", "timm-swiglu", names.TimmDINOv2, with(tinyDINOv2, func(a *names.Architecture) { a.SwiGLU = true })},
	{"timm-noreg.safetensors", "timm-noreg", names.TimmDINOv2, with(tinyDINOv2, func(a *names.Architecture) { a.Registers = 0 })},
	{"timm-dinov3.safetensors", "timm-dinov3", names.TimmDINOv3, tinyDINOv3},
	{"timm-dinov3-qkvb.safetensors", "timm-dinov3-qkvb", names.TimmDINOv3, tinyDINOv3},
	{"timm-dinov3-gated.safetensors", "timm-dinov3-gated", names.TimmDINOv3, with(tinyDINOv3, func(a *names.Architecture) { a.SwiGLU = true })},
	{"dinov3.pth", "dinov3", names.MetaDINOv3, tinyDINOv3},
	{"hf-dinov2-reg", "hf-dinov2-reg", names.HFBackboneV2, with(tinyDINOv2, func(a *names.Architecture) { a.Heads = 2 })},
	{"hf-dinov2-swiglu", "hf-dinov2-swiglu", names.HFBackboneV2, with(tinyDINOv2, func(a *names.Architecture) {
		a.Heads, a.SwiGLU, a.Registers = 2, true, 0
	})},
	{"hf-dinov3", "hf-dinov3", names.HFBackboneV3, with(tinyDINOv3, func(a *names.Architecture) { a.Heads, a.Grid = 2, [2]int{4, 4} })},
	{"hf-eomt", "hf-eomt", names.HFDINOv2, with(tinyDINOv2, eomt)},
	{"hf-eomt-swiglu", "hf-eomt-swiglu", names.HFDINOv2, with(with(tinyDINOv2, eomt), func(a *names.Architecture) { a.SwiGLU = true })},
	{"hf-eomt-sharded", "hf-eomt-sharded", names.HFDINOv2, with(tinyDINOv2, eomt)},
	{"hf-eomt-sharded/model.safetensors.index.json", "", "", names.Architecture{}}, // not a file of weights
	{"hf-eomt-bf16", "hf-eomt-bf16", names.HFDINOv2, with(tinyDINOv2, eomt)},
	{"hf-eomt-dinov3", "hf-eomt-dinov3", names.HFDINOv3, with(tinyDINOv3, eomt)},
	{"hf-eomt-dinov3-gated", "hf-eomt-dinov3-gated", names.HFDINOv3, with(with(tinyDINOv3, eomt), func(a *names.Architecture) {
		a.SwiGLU, a.Hidden = true, 24
	})},
	{"official.bin", "official", names.OfficialDINOv2, names.Architecture{Kind: names.DINOv2, Width: 64, Blocks: 1, Heads: 1, Hidden: 64,
		Patch: 8, Grid: [2]int{3, 3}, Registers: 4, Queries: 3, Classes: 4, MaskBlocks: 1, Upscales: 1, NormEps: 1e-6}},
}

func TestOpenEveryFormat(t *testing.T) {
	for _, c := range formats {
		t.Run(c.file, func(t *testing.T) {
			m, err := Open(filepath.Join("testdata", c.file))
			if c.golden == "" {
				if err == nil {
					t.Error("opened")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			if m.Format != c.format {
				t.Errorf("format %s, want %s", m.Format, c.format)
			}
			if diff := cmp.Diff(c.want, m.Architecture); diff != "" {
				t.Errorf("architecture differs (-want +got):\n%s", diff)
			}
			wantGolden(t, m.Tensors, c.golden)
			if len(m.Report.Loaded) != len(m.Tensors) {
				t.Errorf("%d parameters reported, %d read", len(m.Report.Loaded), len(m.Tensors))
			}
		})
	}
}

// wantGolden fails unless tensors are, bit for bit, those of a golden file.
func wantGolden(t *testing.T, tensors []tensor.Tensor, golden string) {
	t.Helper()
	want, err := safetensors.Open(filepath.Join("testdata", golden+".expected.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	defer want.Close()
	wantEqual(t, tensors, want.Tensors)
}

// wantEqual fails unless both lists hold the same names, types, shapes and bytes.
func wantEqual(t *testing.T, got, want []tensor.Tensor) {
	t.Helper()
	index := tensor.ByName(got)
	if len(got) != len(want) || len(index) != len(want) {
		t.Errorf("%d tensors, want %d", len(got), len(want))
	}
	for _, w := range want {
		g, ok := index[w.Name]
		if !ok || g.String() != w.String() {
			t.Errorf("got %v, want %v", g, w)
			continue
		}
		a, errA := g.Bytes()
		b, errB := w.Bytes()
		if errA != nil || errB != nil || !bytes.Equal(a, b) {
			t.Errorf("%v differs in its values (%v, %v)", w, errA, errB)
		}
	}
}

func TestDeltasBecomeWeights(t *testing.T) {
	m, err := OpenDeltas("testdata/official-dinov3-deltas.bin", "testdata/hf-dinov3")
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	wantGolden(t, m.Tensors, "official-dinov3-deltas")
	a := m.Architecture
	if a.Heads != 2 || a.NormEps != 1e-5 || a.RopeTheta != 100 || a.MaskBlocks != 1 || m.MaskProbs[0] != 0 {
		t.Errorf("architecture %+v, mask probabilities %v", a, m.MaskProbs)
	}
}

func TestDeltasAndWholeWeightsAreToldApart(t *testing.T) {
	const deltas, base, whole = "testdata/official-dinov3-deltas.bin", "testdata/hf-dinov3", "testdata/official.bin"
	wantError(t, second(Open(deltas)), "-deltas-from")
	wantError(t, second(OpenDeltas(whole, base)), "whole weights")
	wantError(t, second(OpenDeltas(base, base)), "whole weights")
	wantError(t, second(OpenDeltas(deltas, "testdata/timm-reg.safetensors")), "the base does not fit", "backbone.pos_embed")
	wantError(t, second(OpenDeltas(deltas, deltas)), "-deltas-from")
}

func second[T any](_ T, err error) error { return err }

// wantError fails unless err says all of texts.
func wantError(t *testing.T, err error, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("error %v, want one with %q", err, text)
		}
	}
}

// TestNoTensorPassesSilently removes, renames, reshapes and doubles every tensor
// of every format, one at a time; none of it may load. Tensors that are no
// parameters may be absent, but not unknown.
func TestNoTensorPassesSilently(t *testing.T) {
	for _, c := range formats {
		if c.golden == "" {
			continue
		}
		s, err := openSource(filepath.Join("testdata", c.file))
		if err != nil {
			t.Fatal(err)
		}
		table, _ := names.Detect(s.tensors)
		reading, err := table.Read(s.tensors)
		if err != nil {
			t.Fatal(err)
		}
		for i, one := range s.tensors {
			_, isBuffer := reading.Buffers[one.Name]
			for change, tensors := range changes(t, s.tensors, i) {
				if isBuffer && change != "renamed" || isAnotherModel(c.format, one.Name, change) {
					continue
				}
				changed := &source{tensors: tensors, files: closers{}, folder: s.folder}
				if m, err := changed.model(c.file); err == nil {
					t.Errorf("%s: %s %s and still loaded as %+v", c.file, one.Name, change, m.Architecture)
				} else if strings.Contains(err.Error(), "panic") {
					t.Errorf("%s: %s %s: %v", c.file, one.Name, change, err)
				}
			}
		}
		s.files.Close()
	}
}

// isAnotherModel tells whether a change makes another whole model: a backbone
// without registers, or with nothing but the tensor to say so, more queries.
func isAnotherModel(format names.Format, name, change string) bool {
	if format == names.OfficialDINOv2 && name == "network.q.weight" && change == "reshaped" {
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
func changes(t *testing.T, tensors []tensor.Tensor, i int) map[string][]tensor.Tensor {
	one := tensors[i]
	replaced := func(by ...tensor.Tensor) []tensor.Tensor {
		return slices.Concat(tensors[:i], by, tensors[i+1:])
	}
	longer := slices.Clone(one.Shape)
	longer[0]++
	reshaped := tensor.Lazy(one.Name, one.DType, longer, func() ([]byte, error) { return nil, io.EOF })
	flat, err := one.Reshaped(1, int(one.Elements()), 1, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	return map[string][]tensor.Tensor{
		"removed": replaced(), "renamed": replaced(one.Renamed(one.Name + "_")), "reshaped": replaced(reshaped),
		"flattened": replaced(flat), "doubled": replaced(one, one),
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
		changed := &source{tensors: changes(t, s.tensors, at)[change], folder: s.folder}
		_, err := changed.model("x")
		var got *checkpoints.MismatchError
		if !errors.As(err, &got) {
			t.Errorf("%s: %v", change, err)
		} else if diff := cmp.Diff(&want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", change, diff)
		}
	}
}

func TestRoundTripsAreBitExact(t *testing.T) {
	for _, name := range []string{"hf-eomt", "hf-eomt-swiglu", "hf-eomt-bf16", "hf-eomt-dinov3", "hf-eomt-dinov3-gated"} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			original := filepath.Join("testdata", name)
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
		convert(t, "testdata/official.bin", func(m *Model) error { return m.WriteNative(native) })
		convert(t, native, func(m *Model) error { return m.WriteOfficial(bin) })
		got, err := openSource(bin)
		if err != nil {
			t.Fatal(err)
		}
		defer got.files.Close()
		want, err := openSource("testdata/official.bin")
		if err != nil {
			t.Fatal(err)
		}
		defer want.files.Close()
		wantEqual(t, got.tensors, want.tensors)
	})
	t.Run("HF to official and back", func(t *testing.T) {
		dir := t.TempDir()
		bin, hf := filepath.Join(dir, "out.bin"), filepath.Join(dir, "hf")
		convert(t, "testdata/official.bin", func(m *Model) error { return m.WriteHF(hf) })
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
		wantError(t, write(), "there already", dir)
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
	m.Architecture.Heads = 0
	wantError(t, m.WriteHF(filepath.Join(dir, "heads")), "attention heads")

	backbone, err := Open("testdata/timm-reg.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	defer backbone.Close()
	wantError(t, backbone.WriteOfficial(filepath.Join(dir, "a.bin")), "no EoMT")

	odd := names.Architecture{Width: 16, Hidden: 33}
	if _, err := mlpRatio(odd); err == nil {
		t.Error("an MLP of 33 from 16 has an mlp_ratio")
	}
	giant := names.Architecture{Width: 1536, Hidden: 4096, SwiGLU: true}
	if ratio, err := mlpRatio(giant); err != nil || ratio != 4 {
		t.Errorf("mlp_ratio of g is %d, %v", ratio, err)
	}
}

func TestConfigContradictions(t *testing.T) {
	for field, value := range map[string]string{
		"hidden_size": "32", "num_hidden_layers": "3", "patch_size": "14", "num_register_tokens": "3",
		"num_queries": "4", "num_upscale_blocks": "1", "image_size": "128", "use_swiglu_ffn": "true",
		"hidden_act": `"relu"`, "num_blocks": "3",
	} {
		dir := copyFolder(t, "testdata/hf-eomt")
		edit(t, filepath.Join(dir, configName), field, value)
		wantError(t, second(Open(dir)), dir)
	}
	dir := copyFolder(t, "testdata/hf-eomt-dinov3")
	edit(t, filepath.Join(dir, configName), "rope_parameters", `{"rope_type": "yarn"}`)
	wantError(t, second(Open(dir)), `rope_type "yarn"`)
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
		"no safetensors file beside it": func(dir string) error {
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

func TestFitResizesAndStartsHeadsAnew(t *testing.T) {
	m, err := Open("testdata/timm-reg.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	wide := with(m.Architecture, func(a *names.Architecture) {
		eomt(a)
		a.Grid = [2]int{4, 7}
	})
	_, _, err = m.Fit(Specs(wide), wide.Grid, []string{"q."})
	wantError(t, err, "class_head.weight", "timm-reg.safetensors")
	tensors, report, err := m.Fit(Specs(wide), wide.Grid, []string{"q.", "class_head.", "mask_head.", "upscale."})
	if err != nil {
		t.Fatal(err)
	}
	wantReshaped := []string{posEmbed + " [1 25 16] -> [1 28 16]", patchWeight + " [16 3 14 14] -> [16 3 16 16]"}
	if diff := cmp.Diff(wantReshaped, report.Reshaped); diff != "" {
		t.Errorf("reshaped (-want +got):\n%s", diff)
	}
	if len(report.Fresh) != 1+2+6+10 || len(tensors) != len(Specs(m.Architecture)) {
		t.Errorf("%d fresh, %d fitted", len(report.Fresh), len(tensors))
	}
	for _, one := range tensors {
		values, err := one.Float32s()
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range values {
			if math.IsNaN(float64(v)) {
				t.Fatalf("%s holds NaN", one.Name)
			}
		}
	}
	// As many patches in another grid are still resized.
	if _, report, _ = m.Fit(Specs(with(m.Architecture, func(a *names.Architecture) { a.Grid = [2]int{1, 25} })), [2]int{1, 25}, nil); len(report.Reshaped) != 1 {
		t.Errorf("a 5 x 5 grid as 1 x 25: reshaped %v", report.Reshaped)
	}
}

func TestFitOfBfloat16GivesFloat32(t *testing.T) {
	m, err := Open("testdata/hf-eomt-bf16")
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	tensors, _, err := m.Fit(Specs(m.Architecture), m.Architecture.Grid, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range tensors {
		if one.DType != tensor.Float32 {
			t.Errorf("%v", one)
		}
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

func TestCountIsBounded(t *testing.T) {
	one := tensor.FromFloat32s("backbone.blocks.9999.x", []int{1}, []float32{1})
	if n := count([]tensor.Tensor{one}, "backbone.blocks."); n != 1 {
		t.Errorf("one tensor makes %d blocks", n)
	}
}
