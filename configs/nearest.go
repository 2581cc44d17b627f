package configs

import (
	"strings"

	"eomt/internal/spelling"
)

// nearest is the known name that a misspelled one most likely stands for, or
// empty: the one with the smallest edit distance, or one with the same last part in
// another section.
func nearest(name string, known []string) string {
	best, least := "", 1+max(1, len(name)/5)
	for _, candidate := range known {
		if distance := spelling.Distance(name, candidate); distance < least {
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
