package postprocess

import (
	"fmt"
	"math"
)

// Logits is the final prediction of B images, or windows of images, in host
// memory, row-major.
type Logits struct {
	B, MaskH, MaskW, Queries, Classes int
	Masks                             []float32 // [B, MaskH, MaskW, Queries]
	Class                             []float32 // [B, Queries, Classes+1], no-object last
}

// Image is the view of image i as Logits of one image.
func (l Logits) Image(i int) Logits {
	masks, class := l.MaskH*l.MaskW*l.Queries, l.Queries*(l.Classes+1)
	one := l
	one.B = 1
	one.Masks = l.Masks[i*masks : (i+1)*masks]
	one.Class = l.Class[i*class : (i+1)*class]
	return one
}

// mustBeOne panics unless l is one image whose slices have their lengths.
func (l Logits) mustBeOne(who string) {
	if l.B != 1 || len(l.Masks) != l.MaskH*l.MaskW*l.Queries || len(l.Class) != l.Queries*(l.Classes+1) || len(l.Masks) == 0 {
		panic(fmt.Sprintf("postprocess: %s: want the logits of one image, got %d with %d mask and %d class values for a %d x %d grid, %d queries, %d classes",
			who, l.B, len(l.Masks), len(l.Class), l.MaskW, l.MaskH, l.Queries, l.Classes))
	}
}

// plane copies query q's mask logits, [MaskH, MaskW], out of the interleaved ones.
func (l Logits) plane(q int) []float32 {
	plane := make([]float32, l.MaskH*l.MaskW)
	for i := range plane {
		plane[i] = l.Masks[i*l.Queries+q]
	}
	return plane
}

// probabilities is the softmax of the class logits, [Queries, Classes+1].
func (l Logits) probabilities() []float32 {
	n := l.Classes + 1
	out := make([]float32, len(l.Class))
	for at := 0; at < len(out); at += n {
		softmax(out[at:at+n], l.Class[at:at+n])
	}
	return out
}

func softmax(dst, logits []float32) {
	highest := float32(math.Inf(-1))
	for _, x := range logits {
		highest = max(highest, x)
	}
	sum := float32(0)
	for i, x := range logits {
		dst[i] = exp(x - highest)
		sum += dst[i]
	}
	for i := range dst {
		dst[i] /= sum
	}
}
