package loader

import (
	"math/rand/v2"
	"sync"
)

// StepsPerEpoch is the number of complete global batches in n samples. An epoch drops
// the remainder, different samples each time. batch is per shard.
func StepsPerEpoch(n, batch, shards int) int { return n / (batch * max(1, shards)) }

// order maps steps to samples.
type order struct {
	samples      int
	batch        int
	shard        int
	shards       int
	seed         uint64
	factors      []float64 // of samples in balanced sampling; nil: uniform
	permutations sync.Map  // epoch -> []draw
}

func (o *order) stepsPerEpoch() int { return StepsPerEpoch(o.samples, o.batch, o.shards) }

// draw is a sample of an epoch: its index in the data set, and how many draws of the
// epoch had it before.
type draw struct{ index, repeat int32 }

// at returns the epoch of a step and its b-th sample in this shard. The global batch is
// the concatenation of the shards' batches.
func (o *order) at(step, b int) (epoch int, d draw) {
	perEpoch := o.stepsPerEpoch()
	epoch = step / perEpoch
	position := (step%perEpoch*o.shards+o.shard)*o.batch + b
	return epoch, o.permutation(epoch)[position]
}

// permutation returns the order of an epoch and frees that of two epochs before.
func (o *order) permutation(epoch int) []draw {
	if known, ok := o.permutations.Load(epoch); ok {
		return known.([]draw)
	}
	p := make([]draw, o.samples)
	for i := range p {
		p[i].index = int32(i)
	}
	rng := newRand(o.seed, epoch, shuffle)
	rng.Shuffle(len(p), func(i, j int) { p[i], p[j] = p[j], p[i] })
	if o.factors != nil {
		p = o.balanced(p, rng)
		rng.Shuffle(len(p), func(i, j int) { p[i], p[j] = p[j], p[i] })
	}
	o.permutations.Delete(epoch - 2)
	o.permutations.Store(epoch, p)
	return p
}

// balanced repeats and leaves out samples of a random order by their factors.
func (o *order) balanced(random []draw, rng *rand.Rand) []draw {
	inOrder := make([]int, len(random))
	for i, d := range random {
		inOrder[i] = int(d.index)
	}
	list := make([]draw, 0, len(random))
	for i, count := range drawn(o.factors, inOrder, rng.Float64()) {
		for repeat := range count {
			list = append(list, draw{int32(i), int32(repeat)})
		}
	}
	return list
}

// random is the source of a draw's random numbers. The first draw of a sample has those
// that it has in uniform sampling.
func (o *order) random(epoch int, d draw) *rand.Rand {
	return newRand(o.seed, epoch, int(d.index)+int(d.repeat)*o.samples)
}

// shuffle is the index whose random numbers order an epoch; samples use 0 and up.
const shuffle = -1

// newRand returns the random numbers of an index in an epoch.
func newRand(seed uint64, epoch, index int) *rand.Rand {
	return rand.New(rand.NewPCG(seed, mix(mix(uint64(epoch))+uint64(index))))
}

// mix spreads the bits of neighbouring numbers (the finaliser of SplitMix64).
func mix(v uint64) uint64 {
	v += 0x9e3779b97f4a7c15
	v = (v ^ v>>30) * 0xbf58476d1ce4e5b9
	v = (v ^ v>>27) * 0x94d049bb133111eb
	return v ^ v>>31
}
