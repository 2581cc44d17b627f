package names

import "strings"

// binding is what a pattern's wildcards stood for.
type binding struct{ number, leaf string }

// match compares name with a pattern with at most one "{}" and one "*" at its end.
func match(pattern, name string) (b binding, ok bool) {
	if before, found := strings.CutSuffix(pattern, "*"); found {
		for _, leaf := range []string{"weight", "bias"} {
			if rest, found := strings.CutSuffix(name, leaf); found {
				b.leaf, pattern, name = leaf, before, rest
				break
			}
		}
		if b.leaf == "" {
			return binding{}, false
		}
	}
	prefix, suffix, numbered := strings.Cut(pattern, "{}")
	if !numbered {
		return b, pattern == name
	}
	name, ok1 := strings.CutPrefix(name, prefix)
	name, ok2 := strings.CutSuffix(name, suffix)
	if !ok1 || !ok2 || !isIndex(name) {
		return binding{}, false
	}
	b.number = name
	return b, true
}

// matchPart is match for a part of a row; no name stands for a part of zeros.
func matchPart(part, name string) (binding, bool) {
	if part == zeroPart {
		return binding{}, false
	}
	return match(part, name)
}

// fill puts what the wildcards stood for into a pattern.
func (b binding) fill(pattern string) string {
	return strings.Replace(strings.Replace(pattern, "{}", b.number, 1), "*", b.leaf, 1)
}

// isIndex accepts 0 to 9999 in their usual notation.
func isIndex(text string) bool {
	if text == "" || len(text) > 4 || text[0] == '0' && text != "0" {
		return false
	}
	return strings.Trim(text, "0123456789") == ""
}
