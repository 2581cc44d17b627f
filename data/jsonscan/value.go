package jsonscan

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
)

// String reads a string.
func (s *Scanner) String() string { return string(s.quoted("before a string")) }

// quoted reads a string; the bytes are valid until the next value is read.
func (s *Scanner) quoted(where string) []byte {
	s.expect('"', where)
	if s.err != nil {
		return nil
	}
	n, escaped := s.stringEnd()
	if n < 0 {
		s.Fail("file ends inside a string")
		return nil
	}
	raw := s.buf[s.at : s.at+n]
	s.at += n + 1
	if escaped {
		return s.unescape(raw)
	}
	return raw
}

// stringEnd finds the closing quote of the string that starts here: its distance,
// -1 if there is none, and whether there is a backslash before it.
func (s *Scanner) stringEnd() (length int, escaped bool) {
	rest := s.buf[s.at:s.end]
	if n := bytes.IndexByte(rest, '"'); n >= 0 && bytes.IndexByte(rest[:n], '\\') < 0 {
		return n, false
	}
	for i := 0; ; {
		n := bytes.IndexAny(s.buf[s.at+i:s.end], `"\`)
		switch {
		case n < 0:
			i = s.end - s.at
		case s.buf[s.at+i+n] == '"':
			return i + n, escaped
		default: // what is escaped may be a quote
			escaped = true
			i += n + 2
		}
		if s.more(i + 1); s.at+i >= s.end {
			return -1, false
		}
	}
}

// unescape resolves the escapes; \\, the only one of run-length masks, quickly.
func (s *Scanner) unescape(raw []byte) []byte {
	plain := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); i++ {
		if raw[i] == '\\' {
			if i++; raw[i] != '\\' && raw[i] != '/' && raw[i] != '"' {
				return s.unescapeAny(raw)
			}
		}
		plain = append(plain, raw[i])
	}
	return plain
}

func (s *Scanner) unescapeAny(raw []byte) []byte {
	quoted := append(append([]byte{'"'}, raw...), '"')
	var plain string
	if err := json.Unmarshal(quoted, &plain); err != nil {
		s.Fail("string: %v", err)
	}
	return []byte(plain)
}

// Null reads null if it is the next value; otherwise it reads nothing.
func (s *Scanner) Null() bool {
	if s.next() != 'n' {
		return false
	}
	s.word("null")
	return true
}

// Bool reads true, false, or a number that is 0 or not, as Python writes flags.
func (s *Scanner) Bool() bool {
	switch s.next() {
	case 't':
		s.word("true")
		return s.err == nil
	case 'f':
		s.word("false")
		return false
	}
	return s.Float() != 0
}

// Int reads a whole number below 2^53; 1.0 is one.
func (s *Scanner) Int() int64 {
	v := s.Float()
	if s.err == nil && (v != math.Trunc(v) || math.Abs(v) >= 1<<53) {
		s.Fail("number %v, want a whole one", v)
		return 0
	}
	return int64(v)
}

// Float reads a number, NaN, Infinity or -Infinity.
func (s *Scanner) Float() float64 {
	s.next()
	s.more(maxNumber)
	rest := s.buf[s.at:s.end]
	if s.stream {
		rest = rest[:min(len(rest), maxNumber)]
	}
	v, n := shortFloat(rest)
	if n == 0 {
		v, n = anyFloat(rest)
	}
	switch {
	case len(rest) == 0:
		s.Fail("file ends before a value")
		return 0
	case n == 0:
		s.Fail("%q, want a number", rest[0])
		return 0
	case n == maxNumber && s.stream:
		s.Fail("number of %d characters or more", maxNumber)
		return 0
	}
	s.at += n
	return v
}

// PlainHundredths reads elements of an array as long as they look like `123.45, `
// and lie in the window, and appends each times 100. It stops before an element,
// which always exists and is left to Float. It makes COCO's polygons fast to read.
func (s *Scanner) PlainHundredths(dst []int64) []int64 {
	const digits, longest = 9, len(" 123456789.12,")
	text := s.buf[:s.end]
	for s.at+longest < len(text) {
		i := s.at
		if text[i] == ' ' {
			i++
		}
		begin, v := i, int64(0)
		for text[i]-'0' <= 9 && i-begin < digits {
			v = 10*v + int64(text[i]-'0')
			i++
		}
		if i == begin {
			break
		}
		v *= 100
		if text[i] == '.' && text[i+1]-'0' <= 9 {
			v += 10 * int64(text[i+1]-'0')
			if i += 2; text[i]-'0' <= 9 {
				v += int64(text[i] - '0')
				i++
			}
		}
		if text[i] != ',' {
			break
		}
		dst = append(dst, v)
		s.at = i + 1
	}
	return dst
}

// shortFloat reads digits with at most one point, few enough for one exactly
// rounded division (Clinger 1990); n is 0 if anyFloat must decide.
func shortFloat(text []byte) (v float64, n int) {
	const maxDigits = 15
	negative := len(text) > 0 && text[0] == '-'
	if negative {
		n++
	}
	begin, mantissa, point := n, uint64(0), -1
	for ; n < len(text); n++ {
		c := text[n]
		if c == '.' && point < 0 && n > begin {
			point = n
			continue
		}
		if c-'0' > 9 {
			break
		}
		mantissa = mantissa*10 + uint64(c-'0')
		if n-begin > maxDigits {
			return 0, 0
		}
	}
	decimals := 0
	if point >= 0 {
		decimals = n - 1 - point
	}
	if n == begin || point == n-1 || n < len(text) && isNumber(text[n]) || text[begin] == '0' && n-begin > 1 && point != begin+1 {
		return 0, 0
	}
	v = float64(mantissa) / powersOfTen[decimals]
	if negative {
		v = -v
	}
	return v, n
}

var powersOfTen = [...]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16}

func isNumber(c byte) bool {
	return c-'0' <= 9 || c == '.' || c == '-' || c == '+' || c|0x20 == 'e'
}

func anyFloat(text []byte) (v float64, n int) {
	for _, w := range []string{"NaN", "Infinity", "-Infinity"} {
		if bytes.HasPrefix(text, []byte(w)) {
			v, _ := strconv.ParseFloat(w, 64)
			return v, len(w)
		}
	}
	for n < len(text) && isNumber(text[n]) {
		n++
	}
	if !json.Valid(text[:n]) {
		return 0, 0
	}
	v, err := strconv.ParseFloat(string(text[:n]), 64)
	if err != nil {
		return 0, 0
	}
	return v, n
}
