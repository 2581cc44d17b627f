package jsonscan

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"

	"eomt/data"
)

// Scanner reads the values of one JSON text in order.
type Scanner struct {
	path string
	text []byte
	at   int
	err  error
}

// maxDepth bounds the nesting of skipped values.
const maxDepth = 1000

// New returns a scanner of text. The path is for error messages.
func New(path string, text []byte) *Scanner { return &Scanner{path: path, text: text} }

// Err returns the first error, a *[data.FormatError], or nil.
func (s *Scanner) Err() error { return s.err }

// Fail makes an error of the reader's own the scanner's, unless it has one.
func (s *Scanner) Fail(format string, args ...any) {
	if s.err != nil {
		return
	}
	s.err = &data.FormatError{Path: s.path, Record: fmt.Sprintf("byte %d", s.at), Reason: fmt.Sprintf(format, args...)}
	s.at = len(s.text)
}

// End fails if anything but space follows.
func (s *Scanner) End() {
	if s.next() != 0 {
		s.Fail("text after the end of the JSON value")
	}
}

// next skips space and returns the byte there, 0 at the end.
func (s *Scanner) next() byte {
	for ; s.at < len(s.text); s.at++ {
		switch c := s.text[s.at]; c {
		case ' ', '\t', '\n', '\r':
		default:
			return c
		}
	}
	return 0
}

// expect skips space and the byte c, which must be there.
func (s *Scanner) expect(c byte, where string) {
	switch got := s.next(); {
	case got == c:
		s.at++
	case s.at >= len(s.text):
		s.Fail("file ends %s, want %q", where, c)
	default:
		s.Fail("%q %s, want %q", got, where, c)
	}
}

// Kind returns the first byte of the next value, which tells its type: one of
// { [ " t f n, else that of a number; 0 at the end.
func (s *Scanner) Kind() byte { return s.next() }

// Object reads an object: for each member it calls f, which must read the value.
// The key is valid until f returns.
func (s *Scanner) Object(f func(key string)) {
	s.list('{', '}', "in an object", func() {
		key := s.String()
		s.expect(':', "after a key")
		if s.err == nil {
			f(key)
		}
	})
}

// Array reads an array: for each element it calls f, which must read it.
func (s *Scanner) Array(f func()) { s.list('[', ']', "in an array", f) }

func (s *Scanner) list(open, end byte, where string, element func()) {
	s.expect(open, where)
	if s.next() == end {
		s.at++
		return
	}
	for s.err == nil {
		element()
		switch s.next() {
		case ',':
			s.at++
		case end:
			s.at++
			return
		default:
			s.expect(end, where)
			return
		}
	}
}

// String reads a string.
func (s *Scanner) String() string {
	s.expect('"', "before a string")
	if s.err != nil {
		return ""
	}
	begin := s.at
	length, escaped := s.stringEnd()
	if s.err != nil {
		return ""
	}
	raw := s.text[begin : begin+length]
	if !escaped {
		return string(raw)
	}
	return s.unescape(raw)
}

// stringEnd moves past the closing quote and returns the length up to it.
func (s *Scanner) stringEnd() (length int, escaped bool) {
	rest := s.text[s.at:]
	end := bytes.IndexByte(rest, '"')
	if end < 0 {
		s.Fail("file ends inside a string")
		return 0, false
	}
	if bytes.IndexByte(rest[:end], '\\') < 0 {
		s.at += end + 1
		return end, false
	}
	for i := 0; i < len(rest); i++ {
		switch rest[i] {
		case '\\':
			i++
		case '"':
			s.at += i + 1
			return i, true
		}
	}
	s.Fail("file ends inside a string")
	return 0, false
}

// unescape resolves the escapes; \\, the only one of run-length masks, quickly.
func (s *Scanner) unescape(raw []byte) string {
	plain := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); i++ {
		if raw[i] == '\\' {
			if i++; raw[i] != '\\' && raw[i] != '/' && raw[i] != '"' {
				return s.unescapeAny(raw)
			}
		}
		plain = append(plain, raw[i])
	}
	return string(plain)
}

func (s *Scanner) unescapeAny(raw []byte) string {
	quoted := append(append([]byte{'"'}, raw...), '"')
	var plain string
	if err := json.Unmarshal(quoted, &plain); err != nil {
		s.Fail("string: %v", err)
	}
	return plain
}

// Skip reads any value.
func (s *Scanner) Skip() { s.skip(0) }

func (s *Scanner) skip(depth int) {
	if depth > maxDepth {
		s.Fail("nested deeper than %d", maxDepth)
	}
	if s.err != nil {
		return
	}
	switch s.next() {
	case '{':
		s.list('{', '}', "in an object", func() {
			s.expect('"', "before a key")
			s.stringEnd()
			s.expect(':', "after a key")
			s.skip(depth + 1)
		})
	case '[':
		s.list('[', ']', "in an array", func() { s.skip(depth + 1) })
	case '"':
		s.at++
		s.stringEnd()
	case 't':
		s.word("true")
	case 'f':
		s.word("false")
	case 'n':
		s.word("null")
	default:
		s.Float()
	}
}

func (s *Scanner) word(w string) {
	if !bytes.HasPrefix(s.text[s.at:], []byte(w)) {
		s.Fail("want %s", w)
		return
	}
	s.at += len(w)
}

// Raw skips any value and returns its text, which is a part of the scanner's.
func (s *Scanner) Raw() []byte {
	s.next()
	begin := s.at
	s.Skip()
	if s.err != nil {
		return nil
	}
	return s.text[begin:s.at]
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
	rest := s.text[s.at:]
	v, n := shortFloat(rest)
	if n == 0 {
		v, n = anyFloat(rest)
	}
	if n == 0 {
		if len(rest) == 0 {
			s.Fail("file ends before a value")
		} else {
			s.Fail("%q, want a number", rest[0])
		}
		return 0
	}
	s.at += n
	return v
}

// shortFloat reads digits with at most one point, few enough for one exactly
// rounded division (Clinger 1990); n is 0 where anyFloat must decide.
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
