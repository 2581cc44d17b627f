package pngmap

import "encoding/binary"

// The filters of PNG (second edition, section 9).
const (
	filterNone = iota
	filterSub
	filterUp
	filterAverage
	filterPaeth
)

// A pixel is its three samples in the low 24 bits. These work on all at once.
const (
	pixelMask = 0xffffff
	lowBits   = 0x7f7f7f
	highBits  = 0x808080
)

// add adds samples modulo 256.
func add(a, b uint32) uint32 { return (a&lowBits + b&lowBits) ^ (a^b)&highBits }

// average halves the sums of samples, rounding down.
func average(a, b uint32) uint32 { return a&b + (a^b)>>1&lowBits }

// unfilterRGB undoes the filter of a row of len(out) pixels, whose samples are
// followed by at least one spare byte. above is the row before, zeros for the
// first. It reports whether the filter is known.
func unfilterRGB(filter byte, row []byte, above, out []uint32) bool {
	above, out = above[:len(out)], out[:len(above)]
	left, corner := uint32(0), uint32(0)
	switch filter {
	case filterNone:
		for x := range out {
			out[x], row = sample(row), row[3:]
		}
	case filterSub:
		for x := range out {
			left, row = add(left, sample(row)), row[3:]
			out[x] = left
		}
	case filterUp:
		for x, up := range above {
			out[x], row = add(up, sample(row)), row[3:]
		}
	case filterAverage:
		for x, up := range above {
			left, row = add(average(left, up), sample(row)), row[3:]
			out[x] = left
		}
	case filterPaeth:
		for x, up := range above {
			if up != corner { // otherwise the prediction is left
				left, corner = paethRGB(left, up, corner), up
			}
			if residual := sample(row); residual != 0 {
				left = add(left, residual)
			}
			row = row[3:]
			out[x] = left
		}
	default:
		return false
	}
	return true
}

// sample is the filtered pixel that row begins with.
func sample(row []byte) uint32 { return binary.LittleEndian.Uint32(row) & pixelMask }

// paethRGB predicts all samples. In uniform regions two of the three neighbours are
// equal, and the prediction is then the third.
func paethRGB(left, up, corner uint32) uint32 {
	if left == corner {
		return up
	}
	return uint32(paeth(uint8(left), uint8(up), uint8(corner))) |
		uint32(paeth(uint8(left>>8), uint8(up>>8), uint8(corner>>8)))<<8 |
		uint32(paeth(uint8(left>>16), uint8(up>>16), uint8(corner>>16)))<<16
}

// paeth returns the neighbour nearest to left + up - corner; of equals the first.
func paeth(left, up, corner uint8) uint8 {
	a, b, c := int(left), int(up), int(corner)
	p := a + b - c
	da, db, dc := distance(p, a), distance(p, b), distance(p, c)
	switch {
	case da <= db && da <= dc:
		return left
	case db <= dc:
		return up
	}
	return corner
}

func distance(a, b int) int { return max(a-b, b-a) }

// unfilterByte is unfilterRGB of one sample per pixel; all slices have one length.
func unfilterByte(filter byte, row, above, out []byte) bool {
	above, out = above[:len(row)], out[:len(row)]
	left, corner := uint8(0), uint8(0)
	switch filter {
	case filterNone:
		copy(out, row)
	case filterSub:
		for x, v := range row {
			left += v
			out[x] = left
		}
	case filterUp:
		for x, v := range row {
			out[x] = above[x] + v
		}
	case filterAverage:
		for x, v := range row {
			left = uint8((int(left)+int(above[x]))/2) + v
			out[x] = left
		}
	case filterPaeth:
		for x, v := range row {
			up := above[x]
			switch corner {
			case left:
				left = up + v
			case up:
				left += v
			default:
				left = paeth(left, up, corner) + v
			}
			out[x], corner = left, up
		}
	default:
		return false
	}
	return true
}
