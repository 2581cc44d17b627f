package jsonscan

import (
	"bytes"
	"fmt"
	"io"

	"eomt/data"
)

// Scanner reads the values of one JSON text in order.
type Scanner struct {
	path   string
	stream bool
	r      io.Reader // of a stream, what is not in buf yet; nil at the end
	buf    []byte
	at     int   // next byte in buf
	end    int   // of what is read in buf
	held   int   // if not negative, buf[held:] is kept for Raw
	base   int64 // offset of buf[0] in the text
	err    error
	keys   []string // seen so far, in order, so that each is allocated once
	guess  int      // index in keys of the likely next one: records are alike
}

const (
	maxDepth   = 1000 // of the nesting of skipped values
	windowSize = 256 << 10
	maxNumber  = 64 // bytes of the longest number in a stream
	maxKeys    = 64 // that are remembered
)

// New returns a scanner of text. The path is for error messages.
func New(path string, text []byte) *Scanner {
	return &Scanner{path: path, buf: text, end: len(text), held: -1}
}

// NewReader returns a scanner of the text that r gives. An error of r becomes the
// scanner's, unchanged.
func NewReader(path string, r io.Reader) *Scanner {
	return &Scanner{path: path, stream: true, r: r, buf: make([]byte, windowSize), held: -1}
}

// Err returns the first error, a *[data.FormatError] unless reading failed, or nil.
func (s *Scanner) Err() error { return s.err }

// Fail stops the scanner with an error of the caller's, unless it has one.
func (s *Scanner) Fail(format string, args ...any) {
	s.stop(&data.FormatError{Path: s.path, Record: fmt.Sprintf("byte %d", s.base+int64(s.at)), Reason: fmt.Sprintf(format, args...)})
}

// stop keeps the first error and skips the rest.
func (s *Scanner) stop(err error) {
	if s.err == nil {
		s.err = err
	}
	s.at, s.r = s.end, nil
}

// more makes n unread bytes available, fewer at the end of the text.
func (s *Scanner) more(n int) {
	for s.end-s.at < n && s.r != nil {
		from := s.at
		if s.held >= 0 {
			from, s.held = s.held, 0
		}
		if from == 0 && s.end == len(s.buf) {
			s.buf = append(s.buf, make([]byte, len(s.buf))...)
		}
		s.end = copy(s.buf, s.buf[from:s.end])
		s.at -= from
		s.base += int64(from)
		got, err := s.r.Read(s.buf[s.end:])
		s.end += got
		if err == io.EOF {
			s.r = nil
		} else if err != nil {
			s.stop(err)
		}
	}
}

// End fails if anything but space follows.
func (s *Scanner) End() {
	if s.next(); s.at < s.end {
		s.Fail("text after the end of the JSON value")
	}
}

// next skips space and returns the byte there, 0 at the end.
func (s *Scanner) next() byte {
	for {
		for ; s.at < s.end; s.at++ {
			switch c := s.buf[s.at]; c {
			case ' ', '\t', '\n', '\r':
			default:
				return c
			}
		}
		if s.more(1); s.at >= s.end {
			return 0
		}
	}
}

// expect skips space and the byte c, which must be there.
func (s *Scanner) expect(c byte, where string) {
	switch got := s.next(); {
	case s.at >= s.end:
		s.Fail("file ends %s, want %q", where, c)
	case got == c:
		s.at++
	default:
		s.Fail("%q %s, want %q", got, where, c)
	}
}

// Kind returns the first byte of the next value, which determines its type: one of
// { [ " t f n, otherwise that of a number; 0 at the end.
func (s *Scanner) Kind() byte { return s.next() }

// Object reads an object: for each member it calls f, which must read the value.
func (s *Scanner) Object(f func(key string)) {
	s.list('{', '}', "in an object", func() {
		key := s.key()
		s.expect(':', "after a key")
		if s.err == nil {
			f(key)
		}
	})
}

// key reads a key.
func (s *Scanner) key() string {
	raw := s.quoted("before a key")
	for i := range s.keys {
		if at := (s.guess + i) % len(s.keys); s.keys[at] == string(raw) {
			s.guess = at + 1
			return s.keys[at]
		}
	}
	key := string(raw)
	if len(s.keys) < maxKeys {
		s.keys = append(s.keys, key)
		s.guess = 0 // which is after the last
	}
	return key
}

// Array reads an array: for each element it calls f, which must read it.
func (s *Scanner) Array(f func()) { s.list('[', ']', "in an array", f) }

func (s *Scanner) list(open, end byte, where string, element func()) {
	s.expect(open, where)
	if s.next() == end && s.err == nil {
		s.at++
		return
	}
	for s.err == nil {
		element()
		if s.err != nil {
			return
		}
		switch s.next() {
		case ',':
			s.at++
		case end:
			s.at++
			return
		default:
			s.expect(end, where)
		}
	}
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
			s.quoted("before a key")
			s.expect(':', "after a key")
			s.skip(depth + 1)
		})
	case '[':
		s.list('[', ']', "in an array", func() { s.skip(depth + 1) })
	case '"':
		s.quoted("before a string")
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
	s.more(len(w))
	if !bytes.HasPrefix(s.buf[s.at:s.end], []byte(w)) {
		s.Fail("want %s", w)
		return
	}
	s.at += len(w)
}

// Raw skips any value and returns its text, which is a part of the scanner's: of a
// stream it is valid until the next value is read.
func (s *Scanner) Raw() []byte {
	s.next()
	s.held = s.at
	s.Skip()
	begin := s.held
	s.held = -1
	if s.err != nil {
		return nil
	}
	return s.buf[begin:s.at]
}
