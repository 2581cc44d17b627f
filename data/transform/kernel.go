package transform

// kernel holds the weights of consecutive outputs of a triangle filter along one
// axis. Output i is the sum over t < taps of weights[i*taps+t] * input[from[i]+t],
// all of it in range, rounded and shifted right by shift bits.
//
// The weights are not negative and add up to 2^shift but for their own
// rounding, which is too little to carry a sum of 8-bit samples past 255.
type kernel struct {
	from    []int
	weights []int32
	taps    int
	shift   uint
}

// newKernel makes the kernel of outputs lo..lo+n-1 of an axis of in samples that
// is resized to out. A window that would pass the end of the axis starts earlier
// and has leading zeros.
func newKernel(in, out, lo, n int, a Arithmetic) *kernel {
	from, exact, taps := triangle(in, out)
	k := &kernel{from: from[lo : lo+n], taps: taps, shift: 22}
	if a == Torch {
		k.shift = torchShift(exact)
	}
	one := float64(int(1) << k.shift)
	k.weights = make([]int32, n*taps)
	for i := range k.weights {
		k.weights[i] = int32(0.5 + exact[lo*taps+i]*one)
	}
	return k
}

// triangle computes the windows and the exact weights of all outputs.
func triangle(in, out int) (from []int, weights []float64, taps int) {
	scale := float64(in) / float64(out)
	support := max(scale, 1) // half the triangle's base, in input samples
	invert := 1 / support
	window := func(i int) (centre float64, lo, hi int) {
		centre = (float64(i) + 0.5) * scale
		return centre, max(0, int(centre-support+0.5)), min(in, int(centre+support+0.5))
	}
	for i := range out {
		_, lo, hi := window(i)
		taps = max(taps, hi-lo)
	}
	from, weights = make([]int, out), make([]float64, out*taps)
	for i := range out {
		centre, lo, hi := window(i)
		from[i] = min(lo, in-taps)
		row := weights[i*taps+lo-from[i] : i*taps+hi-from[i]]
		total := 0.
		for t := range row {
			d := (float64(lo+t) - centre + 0.5) * invert
			row[t] = max(0, 1-max(d, -d))
			total += row[t]
		}
		for t := range row {
			row[t] /= total
		}
	}
	return from, weights, taps
}

// torchShift is the largest shift, up to 22, at which the heaviest weight of the
// axis still fits into 16 bits.
func torchShift(exact []float64) uint {
	heaviest := 0.
	for _, w := range exact {
		heaviest = max(heaviest, w)
	}
	shift := uint(0)
	for ; shift < 22; shift++ {
		if int(0.5+heaviest*float64(int(1)<<(shift+1))) >= 1<<15 {
			break
		}
	}
	return shift
}

// mirror makes the kernel read an axis of in samples from its other end.
func (k *kernel) mirror(in int) {
	for i, from := range k.from {
		k.from[i] = in - k.taps - from
		row := k.weights[i*k.taps : (i+1)*k.taps]
		for a, b := 0, len(row)-1; a < b; a, b = a+1, b-1 {
			row[a], row[b] = row[b], row[a]
		}
	}
}

// span is the range of inputs that the kernel reads, its end excluded.
func (k *kernel) span() (first, last int) {
	first, last = k.from[0], 0
	for _, from := range k.from {
		first, last = min(first, from), max(last, from+k.taps)
	}
	return first, last
}
