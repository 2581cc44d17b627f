package coco

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// scanner reads JSON from a stream in one pass, value by value, without building
// a tree: COCO's training annotations are 450 MB of text, of which the numbers
// are kept in a compact form (see segment.go).
//
// The first error sticks: from then on the scanner is at its end, every method
// returns zero values at once, and err holds the reason. Loops over values
// therefore end by themselves, and callers look at err once.
type scanner struct {
	r    io.Reader
	buf  []byte // window of the text; buf[pos:end] is not read yet
	pos  int
	end  int
	base int64 // offset of buf[0] in the text
	err  error
	text []byte // scratch of str
	key  []byte // scratch of object
}

const (
	windowSize = 256 << 10
	maxNumber  = 64   // bytes of the longest number
	maxDepth   = 1000 // of nested values, as encoding/json limits it to 10,000
)

func newScanner(r io.Reader) *scanner { return &scanner{r: r, buf: make([]byte, windowSize)} }

// syntaxError is text that is not what it should be, against text that cannot be read.
type syntaxError struct {
	offset int64
	reason string
}

func (e *syntaxError) Error() string { return fmt.Sprintf("%s (at byte %d)", e.reason, e.offset) }

// fail records the first error and moves to the end.
func (s *scanner) fail(format string, args ...any) {
	s.stop(&syntaxError{s.base + int64(s.pos), fmt.Sprintf(format, args...)})
}

func (s *scanner) stop(err error) {
	if s.err == nil {
		s.err = err
	}
	s.base += int64(s.pos)
	s.pos, s.end, s.r = 0, 0, nil
}

// more makes at least n unread bytes available, fewer at the end of the text.
func (s *scanner) more(n int) {
	for s.end-s.pos < n && s.r != nil {
		if s.pos > 0 {
			s.base += int64(s.pos)
			s.end = copy(s.buf, s.buf[s.pos:s.end])
			s.pos = 0
		}
		got, err := s.r.Read(s.buf[s.end:])
		s.end += got
		if err == io.EOF {
			s.r = nil
		} else if err != nil {
			s.stop(err)
		}
	}
}

// peek skips white space and returns the next byte, 0 at the end.
func (s *scanner) peek() byte {
	for {
		for s.pos < s.end {
			switch c := s.buf[s.pos]; c {
			case ' ', '\n', '\t', '\r':
				s.pos++
			default:
				return c
			}
		}
		if s.more(1); s.pos == s.end {
			return 0
		}
	}
}

// take skips white space and reads c, or fails.
func (s *scanner) take(c byte) bool {
	got := s.peek()
	if got != c {
		s.unexpected(got, strconv.QuoteRune(rune(c)))
		return false
	}
	s.pos++
	return true
}

func (s *scanner) unexpected(got byte, want string) {
	if got == 0 && s.pos == s.end {
		s.fail("the text ends where %s should stand; the file is cut off", want)
		return
	}
	s.fail("found %q where %s should stand", got, want)
}

// list reads `open item, item ... close` and calls item at the start of each.
func (s *scanner) list(open, close byte, item func()) {
	if !s.take(open) {
		return
	}
	if s.peek() == close {
		s.pos++
		return
	}
	for s.err == nil {
		item()
		if s.peek() == close {
			s.pos++
			return
		}
		s.take(',')
	}
}

// array reads an array and calls item at the start of each element, with its index.
func (s *scanner) array(item func(i int)) {
	i := 0
	s.list('[', ']', func() { item(i); i++ })
}

// object reads an object and calls member at the start of each value. key is
// valid until the value is read.
func (s *scanner) object(member func(key []byte)) {
	s.list('{', '}', func() {
		s.key = append(s.key[:0], s.str()...)
		if s.take(':') {
			member(s.key)
		}
	})
}

// str reads a string; the bytes are valid until the next call.
func (s *scanner) str() []byte {
	if !s.take('"') {
		return nil
	}
	if n := bytes.IndexByte(s.buf[s.pos:s.end], '"'); n >= 0 {
		if text := s.buf[s.pos : s.pos+n]; bytes.IndexByte(text, '\\') < 0 {
			s.pos += n + 1
			return text
		}
	}
	s.text = s.text[:0]
	for {
		if s.more(1); s.pos == s.end {
			s.unexpected(0, `'"'`)
			return nil
		}
		chunk := s.buf[s.pos:s.end]
		n := bytes.IndexAny(chunk, `"\`)
		if n < 0 {
			s.text = append(s.text, chunk...)
			s.pos = s.end
			continue
		}
		s.text = append(s.text, chunk[:n]...)
		s.pos += n + 1
		if chunk[n] == '"' {
			return s.text
		}
		s.escape()
	}
}

// escape reads what follows a backslash and appends it to text.
func (s *scanner) escape() {
	s.more(len("uXXXX\\uXXXX"))
	if s.pos == s.end {
		return // str sees the end
	}
	c := s.buf[s.pos]
	s.pos++
	if i := bytes.IndexByte([]byte(`"\/bfnrt`), c); i >= 0 {
		s.text = append(s.text, "\"\\/\b\f\n\r\t"[i])
		return
	}
	if c != 'u' {
		s.fail("unknown escape \\%c in a string", c)
		return
	}
	r := s.hex4()
	if utf16.IsSurrogate(r) && bytes.HasPrefix(s.buf[s.pos:s.end], []byte(`\u`)) {
		s.pos += 2
		r = utf16.DecodeRune(r, s.hex4())
	}
	s.text = utf8.AppendRune(s.text, r)
}

func (s *scanner) hex4() rune {
	if s.end-s.pos < 4 {
		s.fail("the text ends in an escape; the file is cut off")
		return 0
	}
	v, err := strconv.ParseUint(string(s.buf[s.pos:s.pos+4]), 16, 32)
	if err != nil {
		s.fail("bad \\u escape in a string")
		return 0
	}
	s.pos += 4
	return rune(v)
}

// number reads a number's text.
func (s *scanner) number() []byte {
	c := s.peek()
	if c != '-' && (c < '0' || c > '9') {
		s.unexpected(c, "a number")
		return nil
	}
	s.more(maxNumber)
	n := 1
	for s.pos+n < s.end && isNumberByte[s.buf[s.pos+n]] {
		n++
	}
	if n >= maxNumber {
		s.fail("a number of more than %d characters", maxNumber-1)
		return nil
	}
	text := s.buf[s.pos : s.pos+n]
	s.pos += n
	return text
}

var isNumberByte = func() (is [256]bool) {
	for _, c := range []byte("0123456789+-.eE") {
		is[c] = true
	}
	return is
}()

// plainNumbers reads elements of an array as long as they look like "123.45, ", in
// one go and without leaving the window, and appends them in hundredths. It stops
// at the start of an element, and leaves every other spelling to number. It is
// where opening COCO spends its time.
func (s *scanner) plainNumbers(hundredths []int64) []int64 {
	const digits, longest = 9, len(" 123456789.12,")
	buf := s.buf[:s.end]
	for s.pos+longest < len(buf) {
		i := s.pos
		if buf[i] == ' ' {
			i++
		}
		begin, v := i, int64(0)
		for buf[i]-'0' <= 9 && i-begin < digits {
			v = 10*v + int64(buf[i]-'0')
			i++
		}
		if i == begin {
			break
		}
		v *= 100
		if buf[i] == '.' && buf[i+1]-'0' <= 9 {
			v += 10 * int64(buf[i+1]-'0')
			if i += 2; buf[i]-'0' <= 9 {
				v += int64(buf[i] - '0')
				i++
			}
		}
		if buf[i] != ',' {
			break
		}
		hundredths = append(hundredths, v)
		s.pos = i + 1
	}
	return hundredths
}

func (s *scanner) float() float64 { return s.parseFloat(s.number()) }

func (s *scanner) parseFloat(text []byte) float64 {
	v, err := strconv.ParseFloat(string(text), 64)
	if err != nil && s.err == nil {
		s.fail("%q is not a number in range", text)
	}
	return v
}

// int reads a whole number; 3.0 and 3e2 are whole, 3.5 is an error.
func (s *scanner) int() int64 {
	text := s.number()
	if v, err := strconv.ParseInt(string(text), 10, 64); err == nil {
		return v
	}
	v, err := strconv.ParseFloat(string(text), 64)
	if (err != nil || v != float64(int64(v))) && s.err == nil {
		s.fail("%q is not a whole number in range", text)
	}
	return int64(v)
}

// flag reads 0, 1, false or true.
func (s *scanner) flag() bool {
	switch c := s.peek(); c {
	case 't':
		s.word("true")
		return true
	case 'f':
		s.word("false")
		return false
	}
	return s.int() != 0
}

// word reads one of the literals true, false and null.
func (s *scanner) word(word string) {
	s.more(len(word))
	if !bytes.HasPrefix(s.buf[s.pos:s.end], []byte(word)) {
		s.unexpected(s.peek(), word)
		return
	}
	s.pos += len(word)
}

// skip reads any value and forgets it.
func (s *scanner) skip() { s.skipAt(0) }

func (s *scanner) skipAt(depth int) {
	if depth > maxDepth {
		s.fail("values are nested more than %d deep", maxDepth)
		return
	}
	switch c := s.peek(); c {
	case '{':
		s.object(func([]byte) { s.skipAt(depth + 1) })
	case '[':
		s.array(func(int) { s.skipAt(depth + 1) })
	case '"':
		s.str()
	case 't':
		s.word("true")
	case 'f':
		s.word("false")
	case 'n':
		s.word("null")
	default:
		s.number()
	}
}

// null reports whether the next value is null, and reads it then.
func (s *scanner) null() bool {
	if s.peek() != 'n' {
		return false
	}
	s.word("null")
	return true
}

// finish fails where more text follows the value that was read.
func (s *scanner) finish() {
	if c := s.peek(); c != 0 || s.pos < s.end {
		s.fail("more text after the end of the value")
	}
}
