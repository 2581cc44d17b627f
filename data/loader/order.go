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
	permutations sync.Map // epoch -> []int32
}

func (o *order) stepsPerEpoch() int { return StepsPerEpoch(o.samples, o.batch, o.shards) }

// at returns the epoch of a step and the data set index of its b-th sample in
// this shard. The global batch is the concatenation of the shards' batches.
func (o *order) at(step, b int) (epoch, index int) {
	perEpoch := o.stepsPerEpoch()
	epoch = step / perEpoch
	position := (step%perEpoch*o.shards+o.shard)*o.batch + b
	return epoch, int(o.permutation(epoch)[position])
}

// permutation returns the order of an epoch and frees that of two epochs before.
func (o *order) permutation(epoch int) []int32 {
	if known, ok := o.permutations.Load(epoch); ok {
		return known.([]int32)
	}
	p := make([]int32, o.samples)
	for i := range p {
		p[i] = int32(i)
	}
	rng := newRand(o.seed, epoch, shuffle)
	rng.Shuffle(len(p), func(i, j int) { p[i], p[j] = p[j], p[i] })
	o.permutations.Delete(epoch - 2)
	o.permutations.Store(epoch, p)
	return p
}

// shuffle is the index whose random numbers order an epoch; samples use 0 and up.
const shuffle = -1

// newRand returns the random numbers of sample index in an epoch.
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
