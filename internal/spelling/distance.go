package spelling

import (
	"cmp"
	"slices"
)

// Distance counts the letters to insert, delete, replace or swap with their
// neighbour that make b of a (optimal string alignment).
func Distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			replace := last[j-1]
			if a[i-1] != b[j-1] {
				replace++
			}
			row[j] = min(replace, last[j]+1, row[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}

// Nearest are the n names of known with the smallest [Distance] to name, nearest first;
// of equally near ones, those that come first in known.
func Nearest(name string, known []string, n int) []string {
	distance := make(map[string]int, len(known))
	for _, candidate := range known {
		distance[candidate] = Distance(name, candidate)
	}
	near := slices.Clone(known)
	slices.SortStableFunc(near, func(a, b string) int { return cmp.Compare(distance[a], distance[b]) })
	return near[:min(n, len(near))]
}
