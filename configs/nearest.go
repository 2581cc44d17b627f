package configs

import "strings"

// nearest is the known name that a misspelled one most likely stands for, or
// empty: the one with the smallest edit distance, or one with the same last part in
// another section.
func nearest(name string, known []string) string {
	best, least := "", 1+max(1, len(name)/5)
	for _, candidate := range known {
		if distance := editDistance(name, candidate); distance < least {
			best, least = candidate, distance
		}
	}
	if least <= 1 {
		return best
	}
	for _, candidate := range known {
		if lastPart(candidate) == lastPart(name) {
			return candidate
		}
	}
	return best
}

func lastPart(key string) string { return key[strings.LastIndexByte(key, '.')+1:] }

// editDistance counts the letters to insert, delete, replace or swap with their
// neighbour that make b of a (optimal string alignment).
func editDistance(a, b string) int {
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
