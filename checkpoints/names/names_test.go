package names

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"eomt/arch"
	"eomt/checkpoints/tensor"
)

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		pattern, name string
		want          binding
		ok            bool
	}{
		{"a.{}.b.*", "a.12.b.weight", binding{"12", "weight"}, true},
		{"a.{}.b.*", "a.0.b.bias", binding{"0", "bias"}, true},
		{"norm.*", "norm.weight", binding{"", "weight"}, true},
		{"norm", "norm", binding{}, true},
		{"a.{}.b.*", "a.12.b.gamma", binding{}, false},
		{"a.{}.b", "a.x.b", binding{}, false},
		{"a.{}.b", "a.01.b", binding{}, false},
		{"a.{}.b", "a.-1.b", binding{}, false},
		{"a.{}.b", "a..b", binding{}, false},
		{"a.{}.b", "a.99999.b", binding{}, false},
		{"a.{}.b", "a.1.c.b", binding{}, false},
		{"norm.*", "xnorm.weight", binding{}, false},
	} {
		got, ok := match(c.pattern, c.name)
		if ok != c.ok || ok && got != c.want {
			t.Errorf("match(%q, %q) = %v, %t", c.pattern, c.name, got, ok)
		}
		if ok && got.fill(c.pattern) != c.name {
			t.Errorf("%q filled in is %q, want %q", c.pattern, got.fill(c.pattern), c.name)
		}
	}
}

// TestTablesAreSound holds what reading and writing rest on: the two sides of a
// row have the same wildcards, a name of ours is spelled in one way at most for
// each kind of MLP, and zeros never come first.
func TestTablesAreSound(t *testing.T) {
	native := Lookup(Native)
	for _, table := range tables {
		for _, gatedMLP := range []bool{false, true} {
			seen := map[string]bool{}
			for _, r := range table.rows {
				if r.use == reading || r.use == gated && !gatedMLP || r.use == plain && gatedMLP {
					continue
				}
				if seen[r.ours] {
					t.Errorf("%s has two rows for %s", table.Format, r.ours)
				}
				seen[r.ours] = true
			}
		}
		for _, r := range table.rows {
			example := binding{"0", "weight"}.fill(r.ours)
			if _, _, ok := native.rowOf(example, false); !ok {
				t.Errorf("%s: %s is not one of our parameters", table.Format, r.ours)
			}
			if r.parts[0] == zeroPart {
				t.Errorf("%s: %s begins with zeros", table.Format, r.ours)
			}
			for _, part := range r.parts {
				if part != zeroPart && (strings.Count(part, "{}") != strings.Count(r.ours, "{}") ||
					strings.HasSuffix(part, "*") != strings.HasSuffix(r.ours, "*")) {
					t.Errorf("%s: %s and %s have other wildcards", table.Format, r.ours, part)
				}
			}
		}
	}
}

// writable are the formats that are written.
var writable = []Format{Native, OfficialDINOv2, OfficialDINOv3, HFDINOv2, HFDINOv3}

// TestWriteThenRead writes random parameters in every format and reads them back.
func TestWriteThenRead(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		table := Lookup(rapid.SampledFrom(writable).Draw(rt, "format"))
		gatedMLP := rapid.Bool().Draw(rt, "gated")
		var ours []tensor.Tensor
		for _, pattern := range allOurs(table, gatedMLP) {
			if rapid.IntRange(0, 3).Draw(rt, "left out") == 0 {
				continue
			}
			b := binding{fmt.Sprint(rapid.IntRange(0, 40).Draw(rt, "number")), rapid.SampledFrom([]string{"weight", "bias"}).Draw(rt, "leaf")}
			shape := []int{6, rapid.IntRange(1, 3).Draw(rt, "columns")}
			if pattern == arch.PosEmbed {
				shape = []int{1, 6, 2}
			}
			values := make([]float32, count(shape))
			for i := range values {
				values[i] = float32(i + 1)
			}
			if strings.HasSuffix(pattern, qkvBias) && table.kind == arch.DINOv3 {
				shape, values = []int{6}, []float32{1, 2, 0, 0, 5, 6}
			}
			ours = append(ours, tensor.FromFloat32s(b.fill(pattern), shape, values))
		}
		theirs, err := table.Write(ours, gatedMLP)
		if err != nil {
			rt.Fatal(err)
		}
		reading, err := table.Read(theirs)
		if err != nil {
			rt.Fatal(err)
		}
		if len(reading.Missing)+len(reading.Unexpected)+len(reading.Buffers) > 0 || len(reading.Tensors) != len(ours) {
			rt.Fatalf("%d of %d back, missing %v, unexpected %v", len(reading.Tensors), len(ours), reading.Missing, reading.Unexpected)
		}
		index := tensor.ByName(reading.Tensors)
		for _, want := range ours {
			got := index[want.Name]
			a, errA := got.Bytes()
			b, errB := want.Bytes()
			if errA != nil || errB != nil || got.String() != want.String() || !slices.Equal(a, b) {
				rt.Errorf("%v came back as %v (%v, %v)", want, got, errA, errB)
			}
		}
	})
}

// allOurs are the patterns of ours that a table writes.
func allOurs(table *Table, gatedMLP bool) []string {
	var patterns []string
	for _, r := range table.rows {
		if r.use == always || r.use == gated && gatedMLP || r.use == plain && !gatedMLP {
			patterns = append(patterns, r.ours)
		}
	}
	return patterns
}

func count(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

func TestWriteRefuses(t *testing.T) {
	one := func(name string, values ...float32) []tensor.Tensor {
		return []tensor.Tensor{tensor.FromFloat32s(name, []int{len(values)}, values)}
	}
	_, err := Lookup(HFDINOv3).Write(one(arch.PosEmbed, 1), false)
	wantError(t, err, "hf-eomt-dinov3", "no name for backbone.pos_embed")
	_, err = Lookup(MetaDINOv2).Write(nil, false)
	wantError(t, err, "is read, not written")
	_, err = Lookup(HFDINOv2).Write(one("backbone.blocks.0.attn.qkv.bias", 1, 2), false)
	wantError(t, err, "cannot be split into 3")
	parts, err := Lookup(HFDINOv3).Write(one("backbone.blocks.0.attn.qkv.bias", 1, 2, 3), false)
	if err != nil || len(parts) != 2 {
		t.Fatal(parts, err)
	}
	_, err = parts[0].Bytes()
	wantError(t, err, "backbone.blocks.0.attn.qkv.bias", "part 2 of 3 must be zero")
	negative := float32(0)
	parts, _ = Lookup(HFDINOv3).Write(one("backbone.blocks.0.attn.qkv.bias", 1, -negative, 3), false)
	if _, err := parts[1].Bytes(); err != nil {
		t.Error(err)
	}
}

func TestReadRefusesWhatCannotBeJoined(t *testing.T) {
	q := tensor.FromFloat32s("layers.0.attention.q_proj.weight", []int{2, 2}, make([]float32, 4))
	k := tensor.FromFloat32s("layers.0.attention.k_proj.weight", []int{2, 3}, make([]float32, 6))
	_, err := Lookup(HFDINOv2).Read([]tensor.Tensor{q, k, q.Renamed("layers.0.attention.v_proj.weight")})
	wantError(t, err, "backbone.blocks.0.attn.qkv.weight cannot be joined", "[2 3]")
}

func TestDetectNeedsHalfOfTheNames(t *testing.T) {
	known := tensor.FromFloat32s("q.weight", []int{1}, []float32{1})
	if _, ok := Detect([]tensor.Tensor{known, known.Renamed("x"), known.Renamed("y")}); ok {
		t.Error("one known name of three was enough")
	}
	if _, ok := Detect(nil); ok {
		t.Error("no tensors have a format")
	}
	table, ok := Detect([]tensor.Tensor{known, known.Renamed("0")})
	if !ok || table.Format != Native {
		t.Errorf("q.weight is of format %v, %t", table, ok)
	}
}

func TestLookupOfAnUnknownFormatPanics(t *testing.T) {
	defer func() {
		if text := fmt.Sprint(recover()); !strings.Contains(text, `"gguf"`) {
			t.Errorf("panic %q", text)
		}
	}()
	Lookup("gguf")
}

func wantError(t *testing.T, err error, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("error %v, want one with %q", err, text)
		}
	}
}
