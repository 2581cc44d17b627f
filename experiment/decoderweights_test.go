package experiment

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/core/tensors"

	"eomt/checkpoints/tensor"
	"eomt/checkpoints/weights"
)

const mask2formerFolder = "../checkpoints/weights/testdata/hf-mask2former"

// withPixelDecoder overrides the tiny network by one that takes the folder's decoders.
var withPixelDecoder = []string{"model.network=vit_mask2former", "model.query_blocks=0", "model.patch=16", "model.queries=3", "model.decoder_width=32",
	"model.decoder_heads=4", "model.decoder_layers=2", "model.decoder_hidden=16", "model.encoder_layers=1", "model.encoder_hidden=20"}

// A run starts from a backbone's weights and a Mask2Former's decoders: it says what is
// new, and has the stored values to the bit.
func TestStartFromDecoders(t *testing.T) {
	path, _ := tiny(t)
	base := filepath.Join(t.TempDir(), "backbone")
	a, err := read(t, path, withPixelDecoder...).Model.Architecture(8)
	if err != nil {
		t.Fatal(err)
	}
	if err := weights.Random(a.Backbone(), 7).WriteNative(base); err != nil {
		t.Fatal(err)
	}
	settings := append(slices.Clone(withPixelDecoder), "weights="+base, "decoder_weights="+mask2formerFolder, "seed=3")
	run, notes, err := open(t, read(t, path, settings...), Options{Dir: filepath.Join(t.TempDir(), "run")})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		": 77 parameters loaded, 9 of decoders and heads initialised at random (pixel 7, class_head 2), 91 tensors of its backbone left out\n",
		"the projections of the backbone's maps start from scratch: they read maps of 4, 8, 16 and 32 channels, the network's have 16\n",
		"the class head starts from scratch: the weights were trained on 4 classes, the data set has 8\n",
		"weights " + base + ": ", " initialised at random (upscale 10, pyramid 10, pixel 7, class_head 2)\n",
	} {
		if !strings.Contains(notes, want) {
			t.Errorf("%q lacks %q", notes, want)
		}
	}
	stored, err := weights.OpenDecoders(mask2formerFolder)
	if err != nil {
		t.Fatal(err)
	}
	defer stored.Close()
	index, compared := tensor.ByName(stored.Tensors), 0
	for i, p := range run.Architecture.Parameters() {
		one, ok := index[p.Name]
		if isNew := strings.HasPrefix(p.Name, "pixel.input_projections.") && strings.Contains(p.Name, ".0.") || !slices.Equal(one.Shape, p.Shape); !ok || isNew {
			continue
		}
		want, err := one.Float32s()
		if err != nil {
			t.Fatal(err)
		}
		got := tensors.MustCopyFlatData[float32](run.State.Params[i])
		if compared++; !slices.Equal(got, want) {
			t.Errorf("%s does not start as it should", p.Name)
		}
	}
	if compared < 70 {
		t.Errorf("%d compared", compared)
	}
}

func TestDecodersBesideAWholeNetwork(t *testing.T) {
	path, _ := tiny(t)
	base := filepath.Join(t.TempDir(), "whole")
	a, err := read(t, path, withPixelDecoder...).Model.Architecture(8)
	if err != nil {
		t.Fatal(err)
	}
	if err := weights.Random(a, 7).WriteNative(base); err != nil {
		t.Fatal(err)
	}
	settings := append(slices.Clone(withPixelDecoder), "weights="+base, "decoder_weights="+mask2formerFolder)
	_, _, err = open(t, read(t, path, settings...), Options{Dir: filepath.Join(t.TempDir(), "run")})
	if want := "decoder_weights: weights " + base + " holds a whole network, with decoders of its own: name a backbone's weights"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v lacks %q", err, want)
	}
}
