package cli

import "strings"

// Quote is an argument as a POSIX shell takes it.
func Quote(arg string) string {
	plain := func(r rune) bool {
		return strings.ContainsRune("-_./=,:+@%", r) || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
	}
	if arg != "" && strings.IndexFunc(arg, func(r rune) bool { return !plain(r) }) < 0 {
		return arg
	}
	return "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
}
