package loader

import (
	"cmp"
	"fmt"
	"slices"

	"eomt/data"
)

// pack copies the samples of a batch into the form that the training step takes.
// The batch's bucket is that of its largest sample.
func (l *Loader) pack(p *pending) (*data.Batch, error) {
	first := p.samples[0].Image
	b := &data.Batch{
		Step: p.step, Epoch: p.epoch,
		B: len(p.samples), H: first.H, W: first.W,
	}
	most := 0
	for _, s := range p.samples {
		if s.Image.W != b.W || s.Image.H != b.H {
			return nil, fmt.Errorf("loader: %s has %d x %d pixels after the transforms, others %d x %d",
				s.Name, s.Image.W, s.Image.H, b.W, b.H)
		}
		most = max(most, len(s.Instances))
		b.Names = append(b.Names, s.Name)
	}
	b.M = data.Bucket(most)
	words := (b.M + 31) / 32
	pixels := b.H * b.W
	b.Images = make([]uint8, b.B*pixels*3)
	b.Masks = make([]uint32, b.B*pixels*words)
	b.Classes = make([]int32, b.B*b.M)
	b.Valid = make([]bool, b.B*b.M)
	for i, s := range p.samples {
		copy(b.Images[i*pixels*3:], s.Image.Pix)
		copyPlanes(b.Masks[i*pixels*words:(i+1)*pixels*words], words, s.Masks)
		for m, instance := range s.Instances {
			b.Classes[i*b.M+m] = int32(instance.Class)
			b.Valid[i*b.M+m] = true
		}
	}
	return b, nil
}

// copyPlanes copies the masks of src to dst, with the given words per pixel. Masks
// beyond them belong to no target.
func copyPlanes(dst []uint32, words int, src data.Planes) {
	if src.Words == words {
		copy(dst, src.Bits)
		return
	}
	shared := min(words, src.Words)
	for pixel := range src.W * src.H {
		copy(dst[pixel*words:], src.Bits[pixel*src.Words:pixel*src.Words+shared])
	}
}

// limit drops the smallest targets beyond the largest bucket; the others keep
// their order.
func (l *Loader) limit(s *data.Sample) *data.Sample {
	limit := data.Buckets[len(data.Buckets)-1]
	n := len(s.Instances)
	if n <= limit {
		return s
	}
	l.dropped.Add(int64(n - limit))
	areas := s.Masks.Areas(n)
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(areas[b], areas[a]) })
	kept := order[:limit]
	slices.Sort(kept)
	out := *s
	out.Instances = make([]data.Instance, limit)
	for to, from := range kept {
		out.Instances[to] = s.Instances[from]
	}
	out.Masks = selectPlanes(s.Masks, kept)
	return &out
}

// selectPlanes returns planes whose mask i is src's mask chosen[i].
func selectPlanes(src data.Planes, chosen []int) data.Planes {
	dst := data.NewPlanes(src.W, src.H, len(chosen))
	for pixel := range src.W * src.H {
		from := src.Bits[pixel*src.Words : (pixel+1)*src.Words]
		to := dst.Bits[pixel*dst.Words : (pixel+1)*dst.Words]
		for i, m := range chosen {
			to[i/32] |= from[m/32] >> (m % 32) & 1 << (i % 32)
		}
	}
	return dst
}
