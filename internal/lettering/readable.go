package lettering

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/mozillazg/go-unidecode"
	"golang.org/x/text/unicode/runenames"
)

// Readable returns text as the installed fonts can draw it: letters that no font
// has are spelled in Latin letters ("北京" as "Bei Jing"), symbols are named ("😀"
// as "grinning face"). Control characters are spaces. It is text itself where
// every letter can be drawn; bytes that are no UTF-8 become U+FFFD.
func Readable(text string) string {
	installed.mu.Lock()
	defer installed.mu.Unlock()
	return installed.readable(text)
}

// Note says in one line which of some names [Readable] changes and what to do about
// it. It is empty if that is none.
func Note(names []string) string {
	var changed []string
	for _, name := range names {
		if drawn := Readable(name); drawn != name {
			changed = append(changed, fmt.Sprintf("%q as %q", name, drawn))
		}
	}
	if changed == nil {
		return ""
	}
	slices.Sort(changed)
	changed = slices.Compact(changed)
	const most = 3
	more := ""
	if len(changed) > most {
		more = fmt.Sprintf(" and %d more", len(changed)-most)
		changed = changed[:most]
	}
	return fmt.Sprintf("no installed font has all letters of these names, drawn in Latin letters: %s%s; install a font of their script, such as Noto Sans",
		strings.Join(changed, ", "), more)
}

func (f *fonts) readable(text string) string {
	text = strings.ToValidUTF8(text, "\ufffd")
	if !strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) || !f.shown(r) }) {
		return text
	}
	return replace(text, func(r rune) bool { return !f.shown(r) })
}

// Latin is text in the letters of Windows' code page 1252, which every PDF reader
// and TeX engine has: other letters are replaced as [Readable] replaces them.
func Latin(text string) string {
	if IsLatin(text) {
		return text
	}
	return replace(text, func(r rune) bool { return !isLatin(r) })
}

// IsLatin reports whether all letters of text are in [Latin].
func IsLatin(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return !isLatin(r) })
}

func isLatin(r rune) bool { return r >= 0x20 && r < 0x7f || r >= 0xa0 && r <= 0xff || r == '–' }

// replace spells the runs of letters that are lacking.
func replace(text string, lacking func(rune) bool) string {
	var out strings.Builder
	var open []rune // letters to be spelled together
	flush := func() {
		if len(open) > 0 {
			out.WriteString(strings.TrimSpace(unidecode.Unidecode(string(open))))
		}
		open = open[:0]
	}
	for _, r := range text {
		switch {
		case invisible(r):
		case unicode.IsControl(r):
			flush()
			out.WriteByte(' ')
		case !lacking(r):
			flush()
			out.WriteRune(r)
		case unicode.Is(unicode.Mn, r) || unicode.Is(unicode.Sk, r): // marks and skin tones
		case strings.TrimSpace(unidecode.Unidecode(string(r))) != "":
			open = append(open, r)
		default:
			flush()
			out.WriteString(" " + symbolName(r) + " ")
		}
	}
	flush()
	return strings.Join(strings.Fields(out.String()), " ")
}

// symbolName is the name that Unicode gives a letter.
func symbolName(r rune) string {
	name := strings.ToLower(runenames.Name(r))
	if name == "" || strings.HasPrefix(name, "<") {
		return fmt.Sprintf("U+%04X", r)
	}
	return name
}

// shown reports whether a letter can be drawn, or has nothing to be drawn.
func (f *fonts) shown(r rune) bool { return invisible(r) || f.covering(r) != nil }

// invisible are format characters, joiners and variation selectors.
func invisible(r rune) bool {
	return unicode.In(r, unicode.Cf, unicode.Variation_Selector)
}
