package arch

// decodersMultiplyAdds is of all that a network with a Transformer decoder adds to the
// ViT, as MultiplyAdds counts. All class heads are counted, as the published tables do.
func (a Architecture) decodersMultiplyAdds() int64 {
	sum := a.maskDecoderMultiplyAdds()
	if a.HasAdapter() {
		sum += a.adapterMultiplyAdds()
	} else {
		sum += a.pyramidMultiplyAdds()
	}
	if a.HasPixelDecoder() {
		sum += a.pixelDecoderMultiplyAdds()
	}
	return sum
}

// pixels is the number of positions of the map at a stride.
func (a Architecture) pixels(stride int) int64 {
	h, w := a.LevelGrid(stride)
	return int64(h) * int64(w)
}

// levelPixels is the number of positions of the maps at strides 8, 16 and 32.
func (a Architecture) levelPixels() int64 { return a.pixels(8) + a.pixels(16) + a.pixels(32) }

// deformableMultiplyAdds is of the projections of deformable attention with t queries
// and s values; the sampling is not counted.
func deformableMultiplyAdds(t, s int64, width, value, heads, levels int) int64 {
	d, v := int64(width), int64(value)
	return t*d*int64(3*heads*levels*Points) + s*d*v + t*v*d
}

func (a Architecture) adapterMultiplyAdds() int64 {
	d, all, patches := int64(a.Width), a.levelPixels(), a.pixels(16)
	injector := deformableMultiplyAdds(patches, all, a.Width, a.Width/2, a.Heads, 3)
	extractor := deformableMultiplyAdds(all, patches, a.Width, a.Width/2, a.Heads, 1) + all*(2*d*(d/4)+9*(d/4))
	return a.priorMultiplyAdds() + Interactions*injector + (Interactions+2)*extractor + a.pixels(8)*4*d*d
}

func (a Architecture) priorMultiplyAdds() int64 {
	var sum int64
	stem, maps := PriorConvolutions()
	for _, c := range stem {
		sum += a.pixels(2) * int64(9*c.In*c.Out)
	}
	sum += a.pixels(4) * int64(StemWidth*a.Width)
	for i, c := range maps {
		sum += a.pixels(8<<i) * int64(9*c.In*c.Out+c.Out*a.Width)
	}
	return sum
}

// pyramidMultiplyAdds is of the blocks that change a map's scale and, where no pixel
// decoder has its own, of the projections to the decoder's width.
func (a Architecture) pyramidMultiplyAdds() int64 {
	d := int64(a.Width)
	sum := (a.pixels(8) + a.pixels(4)) * d * (d + 9)
	projected := a.pixels(16) + a.pixels(4)
	if a.Levels() == 3 {
		sum += a.pixels(8)*d*(d+9) + a.pixels(32)*d*(4*d+9)
		projected = a.levelPixels() + a.pixels(4)
	}
	if a.HasPixelDecoder() {
		return sum
	}
	return sum + projected*d*int64(a.DecoderWidth)
}

func (a Architecture) pixelDecoderMultiplyAdds() int64 {
	d, all, f4 := int64(a.DecoderWidth), a.levelPixels(), a.pixels(4)
	layer := deformableMultiplyAdds(all, all, a.DecoderWidth, a.DecoderWidth, a.DecoderHeads, 3) + 2*all*d*int64(a.EncoderHidden)
	return all*int64(a.Width)*d + int64(a.EncoderLayers)*layer + f4*(int64(a.Width)*d+9*d*d+d*d)
}

func (a Architecture) maskDecoderMultiplyAdds() int64 {
	d, k := int64(a.DecoderWidth), int64(a.Queries)
	strides := a.DecoderStrides()
	var sum int64
	for i := range a.DecoderLayers {
		s := a.pixels(strides[i%len(strides)])
		sum += 6*k*d*d + 2*s*d*d + 2*k*s*d + 2*k*k*d + 2*k*d*int64(a.DecoderHidden)
	}
	prediction := 3*k*d*d + k*d*int64(a.Classes+1) + k*a.pixels(4)*d
	return sum + int64(a.Predictions())*prediction
}
