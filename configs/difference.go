package configs

import "fmt"

// Differences lists the keys in which b differs from a, each with both values, in
// the order of the file.
func Differences(a, b Config) []string {
	var list []string
	before, after := Keys(a), Keys(b)
	for i, k := range after {
		if old, now := before[i].Value(), k.Value(); old != now {
			list = append(list, fmt.Sprintf("%s %s -> %s", k.Name, stated(old), stated(now)))
		}
	}
	return list
}

func stated(value string) string {
	if value == "" {
		return "(not stated)"
	}
	return value
}
