package resample

import "fmt"

// PatchEmbed resizes the kernels of a patch embedding, [D, C, from, from], to
// [D, C, to, to] such that the embedding of an image resized from patches of
// from pixels to patches of to pixels changes as little as possible: the new
// kernel is the old one under the pseudo-inverse of the bicubic resize (FlexiViT,
// arXiv 2212.08013, section 3.4; timm's resample_patch_embed). Computed in
// float64. Sizes must be positive and kernels a whole number of [from, from].
func PatchEmbed(kernels []float32, from, to int) ([]float32, error) {
	if from < 1 || to < 1 || len(kernels)%(from*from) != 0 {
		return nil, fmt.Errorf("resample: patch embedding of %d numbers from patch %d to %d", len(kernels), from, to)
	}
	if from == to {
		return kernels, nil
	}
	// The two-dimensional resize is the Kronecker product of two of a line, so
	// its pseudo-inverse is that of theirs.
	line := pseudoinverseT(bicubic(from, to))
	out := make([]float32, 0, len(kernels)/(from*from)*to*to)
	for at := 0; at < len(kernels); at += from * from {
		out = append(out, separable(kernels[at:at+from*from], line, line, 1)...)
	}
	return out, nil
}

// Grid resizes a position embedding, [from[0] * from[1], D] row-major, to
// another grid of patches: bicubic, antialiased (timm's resample_abs_pos_embed).
// Computed in float64.
func Grid(position []float32, width int, from, to [2]int) ([]float32, error) {
	for _, n := range []int{width, from[0], from[1], to[0], to[1]} {
		if n < 1 {
			return nil, fmt.Errorf("resample: position embedding of width %d from grid %v to %v", width, from, to)
		}
	}
	if len(position) != from[0]*from[1]*width {
		return nil, fmt.Errorf("resample: position embedding of %d numbers is no %d x %d grid of width %d",
			len(position), from[0], from[1], width)
	}
	if from == to {
		return position, nil
	}
	return separable(position, bicubic(from[0], to[0]), bicubic(from[1], to[1]), width), nil
}

// separable applies one matrix along each axis of an image [h, w, channels].
func separable(image []float32, vertical, horizontal matrix, channels int) []float32 {
	h, w := vertical.cols, horizontal.cols
	middle := make([]float64, h*horizontal.rows*channels) // [h, new w, channels]
	for y := range h {
		for x := range horizontal.rows {
			out := middle[(y*horizontal.rows+x)*channels:][:channels]
			for k, weight := range horizontal.row(x) {
				if weight == 0 {
					continue
				}
				for c, v := range image[(y*w+k)*channels:][:channels] {
					out[c] += weight * float64(v)
				}
			}
		}
	}
	result := make([]float32, vertical.rows*horizontal.rows*channels)
	line := horizontal.rows * channels
	sum := make([]float64, line)
	for y := range vertical.rows {
		clear(sum)
		for k, weight := range vertical.row(y) {
			if weight == 0 {
				continue
			}
			for i, v := range middle[k*line:][:line] {
				sum[i] += weight * v
			}
		}
		for i, v := range sum {
			result[y*line+i] = float32(v)
		}
	}
	return result
}
