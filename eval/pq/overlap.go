package pq

import (
	"cmp"
	"maps"
	"slices"
)

// pair is a ground-truth id and a predicted id.
type pair struct{ truth, pred int64 }

// overlaps counts the pixels of two maps.
type overlaps struct {
	pairs     []pair // that occur, ascending by truth, then pred
	area      map[pair]int
	truthArea map[int64]int
	predArea  map[int64]int
}

// countOverlaps counts the pixels of each pair of ids. Neighbours mostly have the
// same pair, so it counts runs of equal pairs; a run mostly repeats a recent pair, so
// a small hash table caches those in front of the map.
func countOverlaps(truth, pred []uint32) overlaps {
	const slotBits = 8
	var slots [1 << slotBits]struct {
		key    uint64
		pixels int
	}
	counts := map[uint64]int{}
	pred = pred[:len(truth)]
	for i := 0; i < len(truth); {
		t, p, begin := truth[i], pred[i], i
		for i++; i < len(truth) && truth[i] == t && pred[i] == p; i++ {
		}
		key := uint64(t)<<32 | uint64(p)
		slot := &slots[key*0x9e3779b97f4a7c15>>(64-slotBits)] // Fibonacci hashing
		if slot.key != key {
			if slot.pixels > 0 {
				counts[slot.key] += slot.pixels
			}
			slot.key, slot.pixels = key, 0
		}
		slot.pixels += i - begin
	}
	for _, slot := range slots {
		if slot.pixels > 0 {
			counts[slot.key] += slot.pixels
		}
	}
	o := overlaps{
		pairs:     make([]pair, 0, len(counts)),
		area:      make(map[pair]int, len(counts)),
		truthArea: map[int64]int{},
		predArea:  map[int64]int{},
	}
	for _, key := range sortedKeys(counts) {
		p := pair{int64(key >> 32), int64(key & (1<<32 - 1))}
		n := counts[key]
		o.pairs = append(o.pairs, p)
		o.area[p] = n
		o.truthArea[p.truth] += n
		o.predArea[p.pred] += n
	}
	return o
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
