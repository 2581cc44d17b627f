package arch

import (
	"math"
	"slices"
	"strings"
	"testing"
)

// counted is the exact size of each rung at 640 px with 200 queries and 133 classes:
// formulas that agree with modules of PyTorch and with the published millions of
// parameters and GFLOPs of size L. Rung 1's 700 GFLOPs fit no network of 342 M
// parameters and are read as 740.
var counted = []struct {
	network      string
	parameters   [4]int     // S B L g
	gigaAdds     [4]float64 // to two decimals
	addsL        int64
	giga, megaL  float64 // published
	gigaS, gigaG float64 // published, 0 where not
}{
	{ViTAdapterMask2Former, [4]int{46_559_190, 120_961_830, 348_674_054, 1_208_646_086}, [4]float64{164.27, 345.61, 828.68, 2507.40}, 828_680_765_440, 830, 349, 165, 2510},
	{ViTMask2Former, [4]int{44_583_238, 116_755_270, 342_263_622, 1_196_107_590}, [4]float64{143.42, 291.05, 739.54, 2320.06}, 739_537_674_240, 740, 342, 0, 0},
	{MultiScaleDecoder, [4]int{39_531_398, 111_703_430, 337_211_782, 1_191_055_750}, [4]float64{89.90, 237.52, 686.01, 2266.54}, 686_014_423_040, 685, 337, 0, 0},
	{SingleScaleDecoder, [4]int{38_144_902, 106_572_166, 328_273_286, 1_171_357_062}, [4]float64{85.51, 228.90, 673.26, 2242.38}, 673_259_069_440, 673, 328, 0, 0},
	{EoMTMasked, [4]int{23_975_942, 93_663_110, 316_695_686, 1_163_622_022}, [4]float64{88.50, 285.74, 826.97, 2686.38}, 826_966_179_840, 828, 316.5, 0, 0},
	{EoMT, [4]int{23_975_942, 93_663_110, 316_695_686, 1_163_622_022}, [4]float64{67.82, 215.54, 667.97, 2260.08}, 667_970_928_640, 669, 316.5, 68, 2261},
}

func TestCountsOfEveryRung(t *testing.T) {
	for _, want := range counted {
		for i, size := range []string{"S", "B", "L", "g"} {
			a, err := Size(size)
			if err != nil {
				t.Fatal(err)
			}
			a = a.ForNetwork(want.network)
			if err := a.Validate(); err != nil {
				t.Fatal(err)
			}
			n := 0
			for _, p := range a.Parameters() {
				n += p.Size()
			}
			if n != want.parameters[i] {
				t.Errorf("%s %s: %d parameters, want %d (difference %d)", want.network, size, n, want.parameters[i], n-want.parameters[i])
			}
			adds := a.MultiplyAdds(1)
			if g := float64(adds) / 1e9; math.Abs(g-want.gigaAdds[i]) > 0.005001 || size == "L" && adds != want.addsL {
				t.Errorf("%s %s: %d multiply-adds, want %g G, L %d", want.network, size, adds, want.gigaAdds[i], want.addsL)
			}
			published := map[string]float64{"S": want.gigaS, "L": want.giga, "g": want.gigaG}[size]
			if g := float64(adds) / 1e9; published > 0 && math.Abs(g/published-1) > 0.01 {
				t.Errorf("%s %s: %.1f GFLOPs, published %g", want.network, size, g, published)
			}
			if m := float64(n) / 1e6; size == "L" && math.Abs(m-want.megaL) > 0.5 {
				t.Errorf("%s L: %.1f M parameters, published %g", want.network, m, want.megaL)
			}
		}
	}
}

// The parts of size L, which the sums above do not tell apart.
func TestCountsOfParts(t *testing.T) {
	l, err := Size("L")
	if err != nil {
		t.Fatal(err)
	}
	parameters := func(a Architecture, prefixes ...string) (n int) {
		for _, p := range a.Parameters() {
			if slices.ContainsFunc(prefixes, func(prefix string) bool { return strings.HasPrefix(p.Name, prefix) }) {
				n += p.Size()
			}
		}
		return n
	}
	rung := map[int]Architecture{0: l.ForNetwork(ViTAdapterMask2Former), 1: l.ForNetwork(ViTMask2Former),
		2: l.ForNetwork(MultiScaleDecoder), 3: l.ForNetwork(SingleScaleDecoder)}
	for _, c := range []struct {
		part      string
		got, want int
	}{
		{"ViT", parameters(rung[0], "backbone."), 304_791_552},
		{"spatial prior", parameters(rung[0], "adapter.spm."), 1_760_576},
		{"injectors and extractors", parameters(rung[0], "adapter.interactions."), 17_269_632},
		{"adapter's end", parameters(rung[0], "adapter.up.", "adapter.norm", "adapter.level_embed"), 4_206_592},
		{"pixel decoder", parameters(rung[1], "pixel."), 6_101_440},
		{"pyramid of three levels", parameters(rung[2], "upscale.", "pyramid."), 16_826_368},
		{"pyramid of one level", parameters(rung[3], "upscale.", "pyramid."), 8_413_184},
		{"projections of rung 2", parameters(rung[2], "decoder.input_projections.", "mask_projection."), 1_049_600},
		{"projections of rung 3", parameters(rung[3], "decoder.input_projections.", "mask_projection."), 524_800},
		{"decoder of rung 1", parameters(rung[1], "decoder.", "class_head.", "mask_head."), 14_544_262},
		{"decoder of rung 3", parameters(rung[3], "decoder.queries.", "decoder.level_embed", "decoder.layers.", "decoder.norm.", "class_head.", "mask_head."), 14_543_750},
	} {
		if c.got != c.want {
			t.Errorf("%s: %d parameters, want %d", c.part, c.got, c.want)
		}
	}
	for _, c := range []struct {
		part string
		got  int64
		want float64 // G
	}{
		{"spatial prior", rung[0].priorMultiplyAdds(), 11.95},
		{"injectors and extractors", rung[0].adapterMultiplyAdds() - rung[0].priorMultiplyAdds() - 26_843_545_600, 92.65},
		{"pixel decoder", rung[1].pixelDecoderMultiplyAdds(), 62.44},
		{"pyramid", rung[1].pyramidMultiplyAdds(), 42.30},
		{"pyramid and projections of rung 2", rung[2].pyramidMultiplyAdds(), 42.30 + 8.91},
		{"pyramid and projections of rung 3", rung[3].pyramidMultiplyAdds(), 33.85 + 7.13},
		{"decoder on three levels", rung[2].maskDecoderMultiplyAdds(), 8.66 + 13.57},
		{"decoder on one level", rung[3].maskDecoderMultiplyAdds(), 6.14 + 13.57},
	} {
		if g := float64(c.got) / 1e9; math.Abs(g-c.want) > 0.011 {
			t.Errorf("%s: %.3f G multiply-adds, want %.2f", c.part, g, c.want)
		}
	}
}

// tinyRung is a small network of a name.
func tinyRung(name string) Architecture {
	a := Architecture{Width: 32, Blocks: 5, Heads: 2, Hidden: 64, MaskBlocks: 3, Registers: 4, Grid: [2]int{4, 6},
		Queries: 6, Classes: 5}.ForKind(DINOv2).ForPatch(16).ForNetwork(name)
	if a.HasDecoder() {
		a.DecoderWidth, a.DecoderHeads, a.DecoderLayers, a.DecoderHidden = 32, 2, 4, 48
	}
	if a.HasPixelDecoder() {
		a.EncoderLayers, a.EncoderHidden = 2, 48
	}
	return a
}

func TestRungsPredictionsAndMasks(t *testing.T) {
	for name, want := range map[string][3]int{ // predictions, mask probabilities, levels
		EoMT: {4, 3, 0}, EoMTMasked: {4, 0, 0}, SingleScaleDecoder: {5, 0, 1}, MultiScaleDecoder: {5, 0, 3},
		ViTMask2Former: {5, 0, 3}, ViTAdapterMask2Former: {5, 0, 3},
	} {
		a := tinyRung(name)
		if err := a.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got := [3]int{a.Predictions(), a.AnnealedBlocks(), a.Levels()}; got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
		if n := len(a.Buffers()); n != map[bool]int{true: 20}[a.HasAdapter()] {
			t.Errorf("%s: %d running values", name, n)
		}
	}
}

func TestValidateDecoders(t *testing.T) {
	for want, change := range map[string]func(*Architecture){
		"model: patch 8: vit_adapter_mask2former takes 16":                                                                   func(a *Architecture) { *a = a.ForPatch(8) },
		"model: query_blocks 2: no block of vit_adapter_mask2former sees queries":                                            func(a *Architecture) { a.MaskBlocks = 2 },
		"model: decoder_width 30: must be a positive multiple of 4 for sine positions":                                       func(a *Architecture) { a.DecoderWidth = 30 },
		"model: decoder_width 48: must be a multiple of the pixel decoder's 32 groups":                                       func(a *Architecture) { a.DecoderWidth = 48 },
		"model: decoder_heads 5: must divide the decoder's width 32":                                                         func(a *Architecture) { a.DecoderHeads = 5 },
		"model: decoder_layers 0: must be positive":                                                                          func(a *Architecture) { a.DecoderLayers = 0 },
		"model: decoder_hidden 0: must be positive":                                                                          func(a *Architecture) { a.DecoderHidden = 0 },
		"model: encoder_layers 0: must be positive":                                                                          func(a *Architecture) { a.EncoderLayers = 0 },
		"model: encoder_hidden 0: must be positive":                                                                          func(a *Architecture) { a.EncoderHidden = 0 },
		"model: blocks 3: the adapter interacts with 4 groups of blocks":                                                     func(a *Architecture) { a.Blocks = 3 },
		"model: encoder_layers 2: vit_decoder has no pixel decoder: must be 0":                                               func(a *Architecture) { a.Network = MultiScaleDecoder },
		"model: decoder_width 32: eomt has no decoder: its sizes must be 0":                                                  func(a *Architecture) { a.Network, a.MaskBlocks = EoMT, 1 },
		"model: image width 80: must be a multiple of 32 for vit_adapter_mask2former":                                        func(a *Architecture) { a.Grid[1] = 5 },
		"model: heads 32: the adapter halves the width 32 for its values: it must be a multiple of 4 and of twice the heads": func(a *Architecture) { a.Heads = 32 },
	} {
		a := tinyRung(ViTAdapterMask2Former)
		change(&a)
		if err := a.Validate(); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	a := tinyRung(MultiScaleDecoder)
	a.EncoderHidden = 8
	if err := a.Validate(); err == nil || !strings.Contains(err.Error(), "encoder_hidden 8: vit_decoder has no pixel decoder") {
		t.Error(err)
	}
	if _, err := tinyRung(SingleScaleDecoder).ForImage(48, 64); err == nil || !strings.Contains(err.Error(), "image height 48: must be a multiple of 32") {
		t.Error(err)
	}
}

// Interactions share the blocks out evenly; nothing is left over or taken twice.
func TestInteractionBlocks(t *testing.T) {
	for _, blocks := range []int{4, 5, 12, 24, 40} {
		a, next := Architecture{Blocks: blocks}, 0
		for i := range Interactions {
			first, end := a.InteractionBlocks(i)
			if first != next || end <= first || blocks%Interactions == 0 && end-first != blocks/Interactions {
				t.Errorf("%d blocks: interaction %d has %d to %d", blocks, i, first, end)
			}
			next = end
		}
		if next != blocks {
			t.Errorf("%d blocks: %d interact", blocks, next)
		}
	}
}

func TestInitialValuesOfDecoders(t *testing.T) {
	deviation := func(p Parameter) float64 {
		var squares float64
		for _, v := range p.Initialize(3) {
			squares += float64(v) * float64(v)
		}
		return math.Sqrt(squares / float64(p.Size()))
	}
	for _, c := range []struct {
		p    Parameter
		want float64
	}{
		{Parameter{Shape: []int{192, 64}, Init: InitXavier}, math.Sqrt(2.0 / 256)},
		{Parameter{Shape: []int{64, 64, 3, 3}, Init: InitXavier}, math.Sqrt(2.0 / (9 * 128))},
		{Parameter{Shape: []int{64, 32, 3, 3}, Init: InitUnit, Fan: 288}, math.Sqrt(1.0 / 288)},
		{Parameter{Shape: []int{64, 32, 3, 3}, Init: InitConvolution, Fan: 576}, math.Sqrt(2.0 / 576)},
	} {
		// 12,000 draws or more: a deviation is 1 % of its value.
		if got := deviation(c.p); math.Abs(got/c.want-1) > 0.05 {
			t.Errorf("init %d of %v: deviation %g, want %g", c.p.Init, c.p.Shape, got, c.want)
		}
	}
	// Two levels, four heads: right, down, left, up, at distances 1 to 4 on each level.
	got := Parameter{Shape: []int{64}, Init: InitOffsets, Fan: 4}.Initialize(1)
	for m, direction := range [][2]float64{{1, 0}, {0, 1}, {-1, 0}, {0, -1}} {
		for l := range 2 {
			for p := range Points {
				for xy := range 2 {
					v, want := float64(got[((m*2+l)*Points+p)*2+xy]), direction[xy]*float64(p+1)
					if math.Abs(v-want) > 1e-6 {
						t.Errorf("head %d, level %d, point %d: %g, want %g", m, l, p, v, want)
					}
				}
			}
		}
	}
}
