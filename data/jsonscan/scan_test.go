package jsonscan

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// read builds what encoding/json would, through the scanner.
func read(s *Scanner) any {
	switch s.Kind() {
	case '{':
		m := map[string]any{}
		s.Object(func(key string) { m[key] = read(s) })
		return m
	case '[':
		a := []any{}
		s.Array(func() { a = append(a, read(s)) })
		return a
	case '"':
		return s.String()
	case 't', 'f':
		return s.Bool()
	case 'n':
		s.Skip()
		return nil
	}
	return s.Float()
}

func FuzzAgainstEncodingJSON(f *testing.F) {
	for _, text := range []string{
		`{"a": [1, 2.5, -3e2, 0.1], "b\\\"\u00e9": "x\ny", "c": true, "d": null, "e": {}}`,
		`[[321.02, 321.0, 123456789012345678, 1e400]]`, `"\ud83d"`, `[1,]`, `{"a" 1}`, `01`, `-`, `1.`, `.5`, ` [ ] `, `0`, `-0`, `1e5`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var want any
		wantErr := json.Unmarshal(text, &want)
		s := New("x.json", text)
		got := read(s)
		s.End()
		if wantErr == nil && s.Err() != nil {
			t.Fatalf("%q: %v", text, s.Err())
		}
		checkStream(t, text, got, s.Err())
		if wantErr != nil || s.Err() != nil || !utf8.Valid(text) {
			return // the scanner takes more: control characters, NaN, bytes that are no UTF-8
		}
		a, _ := json.Marshal(want)
		b, err := json.Marshal(got)
		if err == nil && string(a) != string(b) {
			t.Fatalf("%q read as %s, want %s", text, b, a)
		}
		s = New("x.json", text)
		if raw := s.Raw(); s.Err() != nil || !json.Valid(raw) {
			t.Fatalf("%q skipped as %q: %v", text, raw, s.Err())
		}
	})
}

// longNumber is what a stream refuses.
var longNumber = regexp.MustCompile(`[-+0-9.eE]{64}`)

// checkStream requires that a stream, however it comes, reads as the text at once does.
func checkStream(t *testing.T, text []byte, want any, wantErr error) {
	t.Helper()
	if longNumber.Match(text) {
		return
	}
	for name, by := range map[string]func(io.Reader) io.Reader{"bytes": iotest.OneByteReader, "halves": iotest.HalfReader, "end": iotest.DataErrReader} {
		s := NewReader("x.json", by(bytes.NewReader(text)))
		got := read(s)
		s.End()
		if fmt.Sprint(s.Err()) != fmt.Sprint(wantErr) || wantErr == nil && fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("%q by %s: %v, %v; at once: %v, %v", text, name, got, s.Err(), want, wantErr)
		}
		s = NewReader("x.json", by(bytes.NewReader(text)))
		if raw := s.Raw(); wantErr == nil && s.Err() == nil && string(raw) != string(New("x.json", text).Raw()) {
			t.Fatalf("%q by %s: skipped as %q", text, name, raw)
		}
	}
}

// Values longer than the window are read whole.
func TestLongerThanTheWindow(t *testing.T) {
	long := strings.Repeat("ab\\ncd", windowSize)
	text := `[1, "` + long + `", {"` + long + `": [2, 3]}]`
	s := NewReader("x.json", strings.NewReader(text))
	s.Array(func() {
		switch s.Kind() {
		case '"':
			if got := s.String(); len(got) != 5*windowSize || got[:5] != "ab\ncd" {
				t.Errorf("%d characters", len(got))
			}
		case '{':
			if raw := s.Raw(); string(raw) != `{"`+long+`": [2, 3]}` {
				t.Errorf("%d characters", len(raw))
			}
		default:
			s.Skip()
		}
	})
	if s.End(); s.Err() != nil {
		t.Error(s.Err())
	}
	s = NewReader("x.json", strings.NewReader("["+strings.Repeat("1", 70)+", 2]"))
	if s.Skip(); s.Err() == nil || !strings.Contains(s.Err().Error(), "number of 64 characters") {
		t.Errorf("a number of 70 digits: %v", s.Err())
	}
}

// What comes of plain numbers and the rest is the whole array.
func TestPlainHundredths(t *testing.T) {
	s := New("", []byte(`[1, 2.5,3.25 , 123456789.12, 4., -5, 1e2, 6.125, 1234567890, 7, 8]                    `))
	var got []int64
	s.Array(func() {
		got = s.PlainHundredths(got)
		got = append(got, int64(s.Float()*1000))
	})
	want := []int64{100, 250, 3250, 12345678912}
	if len(got) < 4 || got[0] != want[0] || got[1] != want[1] || got[2] != want[2] || got[3] != want[3] {
		t.Errorf("%v, want %v first", got, want)
	}
}

// An error of the reader is the scanner's.
func TestReadFails(t *testing.T) {
	cause := errors.New("disk")
	s := NewReader("x.json", io.MultiReader(strings.NewReader("[1, "), iotest.ErrReader(cause)))
	if s.Skip(); s.Err() != cause {
		t.Errorf("%v, want %v", s.Err(), cause)
	}
}

func TestFloatsAreExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.OneOf(rapid.Float64(), rapid.Map(rapid.IntRange(-1e9, 1e9), func(i int) float64 { return float64(i) / 100 })).Draw(t, "v")
		text, err := json.Marshal(want)
		if err != nil {
			t.Skip()
		}
		if got := New("", text).Float(); got != want {
			t.Fatalf("%s read as %v", text, got)
		}
	})
}

func TestPythonNumbers(t *testing.T) {
	s := New("", []byte(`[NaN, Infinity, -Infinity, 1.0, 1]`))
	var got []float64
	s.Array(func() { got = append(got, s.Float()) })
	if s.Err() != nil || !math.IsNaN(got[0]) || !math.IsInf(got[1], 1) || !math.IsInf(got[2], -1) || got[3] != 1 {
		t.Errorf("%v, %v", got, s.Err())
	}
}

func TestErrorsSayWhere(t *testing.T) {
	for text, want := range map[string]string{
		`{"a": 1`:    "x.json: byte 7: file ends in an object, want '}'",
		`{"a": [1 2`: "byte 9: '2' in an array, want ']'",
		`{"a": tru}`: "byte 6: want true",
		`{"a`:        "byte 2: file ends inside a string",
		`{"a":`:      "byte 5: file ends before a value",
		`{a: 1}`:     "byte 1: 'a' before a key, want '\"'",
		`[} `:        "byte 1: '}', want a number",
		`1 2`:        "byte 2: text after the end",
	} {
		s := New("x.json", []byte(text))
		s.Skip()
		s.End()
		if s.Err() == nil || !strings.Contains(s.Err().Error(), want) {
			t.Errorf("%s: %v, want %q", text, s.Err(), want)
		}
	}
	s := New("x.json", []byte(`1.5`))
	if s.Int(); s.Err() == nil || !strings.Contains(s.Err().Error(), "number 1.5, want a whole one") {
		t.Errorf("%v", s.Err())
	}
	s = New("x.json", []byte(strings.Repeat("[", 5000)))
	if s.Skip(); s.Err() == nil || !strings.Contains(s.Err().Error(), "nested deeper than 1000") {
		t.Errorf("%v", s.Err())
	}
}

// BenchmarkPolygons reads annotations like COCO's: every number, and no more of
// the rest than needed.
func BenchmarkPolygons(b *testing.B) {
	var text bytes.Buffer
	text.WriteString("[")
	for i := range 20_000 {
		if i > 0 {
			text.WriteString(", ")
		}
		fmt.Fprintf(&text, `{"segmentation": [[`)
		for k := range 60 {
			if k > 0 {
				text.WriteString(", ")
			}
			fmt.Fprintf(&text, "%d.%02d", (i*k)%640, (i+k)%100)
		}
		fmt.Fprintf(&text, `]], "area": 702.1, "iscrowd": 0, "image_id": %d, "category_id": 18, "id": %d}`, i, i)
	}
	text.WriteString("]")
	b.Run("jsonscan", func(b *testing.B) {
		b.SetBytes(int64(text.Len()))
		for b.Loop() {
			s, n, hundredths := NewReader("x.json", bytes.NewReader(text.Bytes())), 0, []int64(nil)
			s.Array(func() {
				s.Object(func(key string) {
					if key != "segmentation" {
						s.Skip()
						return
					}
					s.Array(func() {
						hundredths = hundredths[:0]
						s.Array(func() {
							hundredths = s.PlainHundredths(hundredths)
							hundredths = append(hundredths, int64(s.Float()*100))
						})
						n += len(hundredths)
					})
				})
			})
			if s.Err() != nil || n != 60*20_000 {
				b.Fatal(n, s.Err())
			}
		}
	})
	b.Run("encoding-json", func(b *testing.B) {
		b.SetBytes(int64(text.Len()))
		for b.Loop() {
			d := json.NewDecoder(bytes.NewReader(text.Bytes()))
			if _, err := d.Token(); err != nil {
				b.Fatal(err)
			}
			n := 0
			for d.More() {
				var record struct{ Segmentation [][]float64 }
				if err := d.Decode(&record); err != nil {
					b.Fatal(err)
				}
				n += len(record.Segmentation[0])
			}
			if n != 60*20_000 {
				b.Fatal(n)
			}
		}
	})
}
