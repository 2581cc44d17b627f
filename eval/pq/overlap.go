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

// countOverlaps counts the pixels of each pair of ids. Neighbours mostly have
// the same pair, so it counts stretches of equal pairs and looks up only those.
func countOverlaps(truth, pred []uint32) overlaps {
	counts := map[uint64]int{}
	for i := 0; i < len(truth); {
		t, p, begin := truth[i], pred[i], i
		for i++; i < len(truth) && truth[i] == t && pred[i] == p; i++ {
		}
		counts[uint64(t)<<32|uint64(p)] += i - begin
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
