package arch

import "fmt"

// adapter lists ViT-Adapter: spatial prior, interactions with the ViT, and the end that
// makes maps of the tokens. Names are those of czczup/ViT-Adapter.
func (t *table) adapter() {
	d := t.a.Width
	t.add("adapter.level_embed", InitNormal, 0, 3, d)
	t.spatialPrior()
	for i := range Interactions {
		name := fmt.Sprintf("adapter.interactions.%d.", i)
		t.norm(name + "injector.query_norm")
		t.norm(name + "injector.feat_norm")
		t.deformable(name+"injector.attn", d, d/2, t.a.Heads, 3)
		t.add(name+"injector.gamma", InitZero, 0, d)
		t.extractor(name + "extractor.")
		if i == Interactions-1 {
			t.extractor(name + "extra_extractors.0.")
			t.extractor(name + "extra_extractors.1.")
		}
	}
	t.add("adapter.up.weight", InitConvolution, 4*d, d, d, 2, 2)
	t.add("adapter.up.bias", InitZero, 0, d)
	for i := range 4 {
		t.norm(fmt.Sprintf("adapter.norm%d", i+1))
	}
}

// extractor is of the adapter's tokens from the ViT's, with its convolutional FFN.
func (t *table) extractor(name string) {
	d := t.a.Width
	t.norm(name + "query_norm")
	t.norm(name + "feat_norm")
	t.deformable(name+"attn", d, d/2, t.a.Heads, 1)
	t.norm(name + "ffn_norm")
	t.plainLinear(name+"ffn.fc1", d/4, d)
	t.add(name+"ffn.dwconv.dwconv.weight", InitConvolution, 9, d/4, 1, 3, 3)
	t.add(name+"ffn.dwconv.dwconv.bias", InitZero, 0, d/4)
	t.plainLinear(name+"ffn.fc2", d, d/4)
}

// plainLinear starts at a deviation of .02 whatever its width.
func (t *table) plainLinear(name string, out, in int) {
	t.add(name+".weight", InitTruncated, 0, out, in)
	t.add(name+".bias", InitZero, 0, out)
}

// PriorConvolution is a 3x3 convolution without bias of the spatial prior, followed by
// a BatchNorm.
type PriorConvolution struct {
	Conv, Norm      string // names without ".weight"
	In, Out, Stride int
}

// PriorConvolutions lists those of the stem, then those that make the maps at strides
// 8, 16 and 32.
func PriorConvolutions() (stem, maps []PriorConvolution) {
	const name, w = "adapter.spm.", StemWidth
	return []PriorConvolution{
			{name + "stem.0", name + "stem.1", 3, w, 2},
			{name + "stem.3", name + "stem.4", w, w, 1},
			{name + "stem.6", name + "stem.7", w, w, 1},
		}, []PriorConvolution{
			{name + "conv2.0", name + "conv2.1", w, 2 * w, 2},
			{name + "conv3.0", name + "conv3.1", 2 * w, 4 * w, 2},
			{name + "conv4.0", name + "conv4.1", 4 * w, 4 * w, 2},
		}
}

// spatialPrior lists the convolutions on the image and the projections of its maps.
func (t *table) spatialPrior() {
	stem, maps := PriorConvolutions()
	for _, c := range append(stem, maps...) {
		t.add(c.Conv+".weight", InitConvolution, 9*c.Out, c.Out, c.In, 3, 3)
		t.normOf(c.Norm, c.Out)
	}
	for i, in := range []int{StemWidth, 2 * StemWidth, 4 * StemWidth, 4 * StemWidth} {
		name := fmt.Sprintf("adapter.spm.fc%d", i+1)
		t.add(name+".weight", InitConvolution, t.a.Width, t.a.Width, in, 1, 1)
		t.add(name+".bias", InitZero, 0, t.a.Width)
	}
}

// batchNorms gives name and channels of each BatchNorm.
func (a Architecture) batchNorms(visit func(name string, channels int)) {
	stem, maps := PriorConvolutions()
	for _, c := range append(stem, maps...) {
		visit(c.Norm, c.Out)
	}
	for i := range 4 {
		visit(fmt.Sprintf("adapter.norm%d", i+1), a.Width)
	}
}
