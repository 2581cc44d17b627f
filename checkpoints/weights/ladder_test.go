package weights

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"eomt/arch"
	"eomt/checkpoints"
)

// Weights of every network are written and read as what they are; names and shapes
// alone show all but the heads.
func TestEveryNetworkRoundTrips(t *testing.T) {
	for _, name := range arch.Networks[1:] {
		a := arch.Architecture{Width: 16, Blocks: 4, Heads: 2, Hidden: 24, MaskBlocks: 1, Registers: 1, Grid: [2]int{4, 4},
			Queries: 5, Classes: 3}.ForKind(arch.DINOv2).ForPatch(16).ForNetwork(name)
		if a.HasDecoder() {
			a.DecoderWidth, a.DecoderHeads, a.DecoderLayers, a.DecoderHidden = 32, 2, 3, 24
		}
		if a.HasPixelDecoder() {
			a.EncoderLayers, a.EncoderHidden = 2, 28
		}
		if err := a.Validate(); err != nil {
			t.Fatal(err)
		}
		random := Random(a, 1)
		folder := filepath.Join(t.TempDir(), "native")
		if err := random.WriteNative(folder); err != nil {
			t.Fatal(err)
		}
		m, err := Open(folder)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(a, m.Architecture); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		wantEqual(t, m.Tensors, random.Tensors)
		if a.HasDecoder() {
			shown, err := infer(random.Tensors, arch.DINOv2)
			shown.Heads, shown.DecoderHeads = a.Heads, a.DecoderHeads
			if diff := cmp.Diff(a, shown); diff != "" || err != nil {
				t.Errorf("%s by names and shapes: %s, %v", name, diff, err)
			}
			want := "no other program has the network " + name + ": -format native writes it"
			if err := m.WriteOfficial(filepath.Join(t.TempDir(), "model.bin")); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v lacks %q", err, want)
			}
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}
}

// A backbone's weights start every network: all else, running values included, is new.
func TestBackboneStartsEveryNetwork(t *testing.T) {
	backbone := arch.Architecture{Width: 16, Blocks: 4, Heads: 2, Hidden: 24, Registers: 1, Grid: [2]int{4, 4}}.ForKind(arch.DINOv2).ForPatch(16)
	m := Random(backbone.Backbone(), 1)
	for _, name := range arch.Networks {
		whole := backbone
		whole.Queries, whole.Classes, whole.MaskBlocks = 5, 3, 1
		a := whole.ForNetwork(name)
		fitted, loading, err := m.Fit(a, a.HeadNames())
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if want := len(a.Tensors()); len(fitted)+len(loading.Fresh) != want || len(fitted) != len(m.Tensors) {
			t.Errorf("%s: %d loaded and %d new of %d", name, len(fitted), len(loading.Fresh), want)
		}
	}
}

// Weights of a network that a later version may have say so.
func TestUnknownNetwork(t *testing.T) {
	a := arch.Architecture{Width: 16, Blocks: 2, Heads: 2, Hidden: 24, MaskBlocks: 2, Grid: [2]int{4, 4}, Queries: 5, Classes: 3}.
		ForKind(arch.DINOv2).ForPatch(16).ForNetwork(arch.EoMTMasked)
	later := Random(a, 1)
	later.Architecture.Network = "mamba"
	folder := filepath.Join(t.TempDir(), "native")
	if err := later.WriteNative(folder); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(folder); err == nil || !strings.Contains(err.Error(), "the network mamba is unknown to this version") {
		t.Errorf("%v", err)
	}
}

// In other programs' files a network that masks always is EoMT with masks on.
func TestMaskedNetworkInOtherFormats(t *testing.T) {
	a := arch.Architecture{Width: 16, Blocks: 2, Heads: 2, Hidden: 24, MaskBlocks: 2, Grid: [2]int{4, 4}, Queries: 5, Classes: 3}.
		ForKind(arch.DINOv2).ForPatch(16).ForNetwork(arch.EoMTMasked)
	path := filepath.Join(t.TempDir(), "model.bin")
	if err := Random(a, 1).WriteOfficial(path); err != nil {
		t.Fatal(err)
	}
	m, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if m.Architecture.NetworkName() != arch.EoMT || len(m.MaskProbs) != 2 || m.MaskProbs[0] != 1 || m.MaskProbs[1] != 1 {
		t.Errorf("%s, mask probabilities %v", m.Architecture.NetworkName(), m.MaskProbs)
	}
}

// Queries of a decoder without its class head are no network.
func TestDecoderWithoutClasses(t *testing.T) {
	a := arch.Architecture{Width: 16, Blocks: 1, Heads: 2, Hidden: 24, Grid: [2]int{2, 2}, Queries: 5, Classes: 3}.
		ForKind(arch.DINOv2).ForPatch(16).ForNetwork(arch.SingleScaleDecoder)
	all := Random(a, 1).Tensors
	for i, one := range all {
		if one.Name == arch.ClassWeight {
			all = append(all[:i:i], all[i+1:]...)
			break
		}
	}
	_, err := infer(all, arch.DINOv2)
	var mismatch *checkpoints.MismatchError
	if !errors.As(err, &mismatch) || len(mismatch.Missing) != 1 || mismatch.Missing[0] != arch.ClassWeight {
		t.Errorf("%v", err)
	}
}
