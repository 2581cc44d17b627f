package weights

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"eomt/arch"
	"eomt/checkpoints"
	"eomt/checkpoints/tensor"
)

// adaptedModel has factors of rank 2 with random values, B's too.
func adaptedModel(t *testing.T, gated bool) *Model {
	t.Helper()
	a := arch.Architecture{Width: 4, Blocks: 2, Heads: 1, Hidden: 6, SwiGLU: gated, MaskBlocks: 1, Grid: [2]int{2, 2}, Queries: 2, Classes: 1,
		LoRA: arch.LoRA{Rank: 2, Alpha: 3, Targets: "q v proj fc1"}}.ForKind(arch.DINOv3).ForPatch(8)
	m := Random(a, 1)
	for i, p := range a.Parameters() {
		if p.Part == arch.PartLoRA {
			p.Init = arch.InitNormal
			m.Tensors[i] = tensor.FromFloat32s(p.Name, p.Shape, p.Initialize(2))
		}
	}
	return m
}

// saved writes a model as a checkpoint and returns its folder.
func saved(t *testing.T, m *Model) string {
	t.Helper()
	store := &checkpoints.Store{Dir: t.TempDir()}
	step, err := store.Save(checkpoints.Snapshot{State: m.state(), Params: m.Tensors})
	if err != nil {
		t.Fatal(err)
	}
	return step
}

// An opened checkpoint has W + alpha/rank B A, by the sum's definition in float64, where
// there are factors, and every other tensor as stored.
func TestFactorsAreMerged(t *testing.T) {
	for _, gated := range []bool{false, true} {
		m := adaptedModel(t, gated)
		opened, err := Open(saved(t, m))
		if err != nil {
			t.Fatal(err)
		}
		defer opened.Close()
		stored := map[string][]float32{}
		for _, one := range m.Tensors {
			if stored[one.Name], err = one.Float32s(); err != nil {
				t.Fatal(err)
			}
		}
		adapters := m.Architecture.Adapters()
		if len(adapters) != 8 || opened.Loading.Merged != 8 || opened.Architecture.LoRA != (arch.LoRA{}) || len(opened.Tensors) != len(m.Tensors)-16 {
			t.Errorf("%d adapters, %d merged into %d tensors", len(adapters), opened.Loading.Merged, len(opened.Tensors))
		}
		for _, one := range opened.Tensors {
			got, err := one.Float32s()
			if err != nil {
				t.Fatal(err)
			}
			want := slices.Clone(stored[one.Name])
			for _, by := range adapters {
				if by.Weight != one.Name {
					continue
				}
				a, b := stored[by.Name+".a"], stored[by.Name+".b"]
				for i := range by.Rows {
					for j := range by.In {
						delta := 1.5 * (float64(b[2*i])*float64(a[j]) + float64(b[2*i+1])*float64(a[by.In+j]))
						at := (by.Row+i)*by.In + j
						want[at] = float32(float64(want[at]) + delta)
					}
				}
			}
			for k := range want {
				if math.Abs(float64(got[k]-want[k])) > 1e-6 { // one rounding of values of a few units
					t.Errorf("%s: %v, want %v", one.Name, got[k], want[k])
					break
				}
			}
		}
	}
}

// Factors that are not those the state describes are refused.
func TestFactorsThatDoNotFit(t *testing.T) {
	step := saved(t, adaptedModel(t, false))
	whole, err := os.ReadFile(filepath.Join(step, "state.json"))
	if err != nil {
		t.Fatal(err)
	}
	for change, want := range map[[2]string]string{
		{`"rank": 2`, `"rank": 3`}:                                 "of another shape (lora.backbone.blocks.0.attn.q.a is [2 4], want [3 4]",
		{`"rank": 2`, `"rank": 0`}:                                 "lora",
		{`"rank": 2`, `"rank": -2`}:                                "lora",
		{`"targets": "q v proj fc1"`, `"targets": "q k proj fc1"`}: "missing (lora.backbone.blocks.0.attn.k.a",
		{`"targets": "q v proj fc1"`, `"targets": ""`}:             "unexpected (lora.",
		{`"blocks": 2`, `"blocks": 1000000000000`}:                 "the checkpoint's state says blocks 1000000000000, its tensors have 2",
		{`"hidden": 6`, `"hidden": 7`}:                             "the checkpoint's state says hidden 7, its tensors have 6",
	} {
		changed := strings.Replace(string(whole), change[0], change[1], 1)
		if changed == string(whole) {
			t.Fatalf("state.json has no %s: %s", change[0], whole)
		}
		writeState(t, step, []byte(changed))
		if m, err := Open(step); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %q", change, err, want)
			if err == nil {
				m.Close()
			}
		}
	}
}

// Merged weights are exported as whole ones are.
func TestMergedFactorsAreExported(t *testing.T) {
	opened, err := Open(saved(t, adaptedModel(t, false)))
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	dir := t.TempDir()
	official := filepath.Join(dir, "official.bin")
	for path, write := range map[string]func(string) error{
		filepath.Join(dir, "native"): opened.WriteNative, filepath.Join(dir, "hf"): opened.WriteHF, official: opened.WriteOfficial,
	} {
		if err := write(path); err != nil {
			t.Fatal(err)
		}
		again, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer again.Close()
		if again.Loading.Merged != 0 || len(again.Tensors) != len(opened.Tensors) {
			t.Errorf("%s: %d pairs merged, %d tensors", path, again.Loading.Merged, len(again.Tensors))
		}
		for i, one := range again.Tensors {
			got, err := one.Float32s()
			if err != nil {
				t.Fatal(err)
			}
			want, err := opened.Tensors[i].Float32s()
			if err != nil {
				t.Fatal(err)
			}
			if one.Name != opened.Tensors[i].Name || !slices.Equal(got, want) {
				t.Errorf("%s: %s differs", path, one.Name)
			}
		}
	}
}
