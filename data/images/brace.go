package images

import (
	"fmt"
	"strconv"
	"strings"
)

// maxExpanded is the most names that one pattern stands for.
const maxExpanded = 1_000_000

// Expand lists the names that a pattern with braces stands for, in order: {000..012} is a
// range of numbers with as many digits as its longer end, {train,val} is each of these. Braces inside
// braces are an error, as are more than a million names.
func Expand(pattern string) ([]string, error) {
	names := []string{""}
	for rest := pattern; ; {
		plain, after, more := strings.Cut(rest, "{")
		items := []string{""}
		if more {
			body, tail, closed := strings.Cut(after, "}")
			if !closed || strings.Contains(body, "{") {
				return nil, fmt.Errorf("%s: want {000..012} or {a,b} without braces inside", pattern)
			}
			var err error
			if items, err = expandBody(body); err != nil {
				return nil, fmt.Errorf("%s: {%s}: %w", pattern, body, err)
			}
			rest = tail
		}
		if len(names)*len(items) > maxExpanded {
			return nil, fmt.Errorf("%s: more than %d names", pattern, maxExpanded)
		}
		next := make([]string, 0, len(names)*len(items))
		for _, name := range names {
			for _, item := range items {
				next = append(next, name+plain+item)
			}
		}
		if names = next; !more {
			return names, nil
		}
	}
}

func expandBody(body string) ([]string, error) {
	from, to, isRange := strings.Cut(body, "..")
	if !isRange {
		return strings.Split(body, ","), nil
	}
	first, err := strconv.ParseUint(from, 10, 63)
	if err != nil {
		return nil, fmt.Errorf("want numbers from 0")
	}
	last, err := strconv.ParseUint(to, 10, 63)
	switch {
	case err != nil:
		return nil, fmt.Errorf("want numbers from 0")
	case last < first:
		return nil, fmt.Errorf("the range goes backwards")
	case last-first >= maxExpanded:
		return nil, fmt.Errorf("more than %d names", maxExpanded)
	}
	width := 0
	if strings.HasPrefix(from, "0") || strings.HasPrefix(to, "0") {
		width = max(len(from), len(to))
	}
	var list []string
	for n := first; n <= last; n++ {
		list = append(list, fmt.Sprintf("%0*d", width, n))
	}
	return list, nil
}
