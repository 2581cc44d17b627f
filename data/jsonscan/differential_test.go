package jsonscan

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strconv"
	"testing"
	"unicode/utf8"
)

const generated = 5000 // documents, of seeds 0 and up

// randomDocument writes JSON as encoders write it and as they do not: all escapes,
// surrogates in pairs and alone, numbers in every notation, any whitespace.
type randomDocument struct {
	rng *rand.Rand
	out []byte
}

func (d *randomDocument) text(parts ...string) {
	d.out = append(d.out, parts[d.rng.IntN(len(parts))]...)
}

func (d *randomDocument) space() {
	for d.rng.IntN(3) == 0 {
		d.text(" ", "\n", "\t", "\r", "  ")
	}
}

func (d *randomDocument) value(depth int) {
	d.space()
	kind := d.rng.IntN(8)
	if depth > 6 {
		kind = d.rng.IntN(6)
	}
	switch kind {
	case 0:
		d.text("true", "false", "null")
	case 1, 2:
		d.string()
	case 3, 4, 5:
		d.number()
	case 6:
		d.list('[', ']', func() { d.value(depth + 1) })
	case 7:
		d.list('{', '}', func() {
			d.space()
			if d.rng.IntN(2) == 0 {
				d.text(`"id"`, `"segmentation"`, `"iscrowd"`, `""`, `"a\"b"`)
			} else {
				d.string()
			}
			d.space()
			d.out = append(d.out, ':')
			d.value(depth + 1)
		})
	}
	d.space()
}

func (d *randomDocument) list(open, end byte, element func()) {
	d.out = append(d.out, open)
	d.space()
	for i := range d.rng.IntN(6) {
		if i > 0 {
			d.out = append(d.out, ',')
		}
		element()
	}
	d.out = append(d.out, end)
}

func (d *randomDocument) string() {
	d.out = append(d.out, '"')
	for range d.rng.IntN(10) {
		switch d.rng.IntN(6) {
		case 0:
			d.text(`\\`, `\"`, `\/`, `\b`, `\f`, `\n`, `\r`, `\t`, `\\\\`)
		case 1:
			d.out = fmt.Appendf(d.out, `\u%04x`, d.rng.IntN(1<<16))
		case 2:
			d.out = fmt.Appendf(d.out, `\u%04X\u%04x`, 0xd800+d.rng.IntN(0x400), 0xdc00+d.rng.IntN(0x400))
		case 3:
			d.text("ß", "語", "😀", "\u2028", "\x7f")
		default:
			d.out = append(d.out, byte('#'+d.rng.IntN('['-'#')))
		}
	}
	d.out = append(d.out, '"')
}

func (d *randomDocument) number() {
	switch d.rng.IntN(8) {
	case 0:
		d.text("0", "-0", "0.0", "1e5", "1E+5", "-2.5e-3", "1e-400", "5e-324", "1.7976931348623157e308", "9007199254740993", "0.1", "123456789012345678901234567890")
	case 1:
		d.out = strconv.AppendFloat(d.out, d.rng.NormFloat64()*1e6, 'g', -1, 64)
	case 2:
		d.out = strconv.AppendFloat(d.out, d.rng.ExpFloat64(), 'e', d.rng.IntN(20), 64)
	case 3:
		d.out = strconv.AppendInt(d.out, int64(d.rng.Uint64()), 10)
	case 4:
		d.out = strconv.AppendInt(d.out, d.rng.Int64N(1000), 10)
	default:
		d.out = strconv.AppendFloat(d.out, 640*d.rng.Float64(), 'f', d.rng.IntN(18), 64)
	}
}

// Every document reads as encoding/json reads it, in memory and as a stream.
func TestGeneratedDocumentsAsEncodingJSON(t *testing.T) {
	for seed := range uint64(generated) {
		d := randomDocument{rng: rand.New(rand.NewPCG(seed, 0))}
		d.value(0)
		var want any
		if err := json.Unmarshal(d.out, &want); err != nil {
			t.Fatalf("seed %d: generated %q: %v", seed, d.out, err)
		}
		s := New("x.json", d.out)
		got := read(s)
		s.End()
		if s.Err() != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("seed %d: %q read as %#v, error %v; want %#v", seed, d.out, got, s.Err(), want)
		}
		checkStream(t, d.out, got, nil)
		checkSkipped(t, seed, d.out)
		checkSpoiled(t, seed, d.out, d.rng)
	}
	t.Logf("seeds 0 to %d", generated-1)
}

// checkSkipped requires that Raw returns the value without the space around it.
func checkSkipped(t *testing.T, seed uint64, text []byte) {
	t.Helper()
	s := New("x.json", text)
	if raw := s.Raw(); s.Err() != nil || !bytes.Equal(raw, bytes.Trim(text, " \t\r\n")) {
		t.Fatalf("seed %d: %q skipped as %q, error %v", seed, text, raw, s.Err())
	}
}

// checkSpoiled removes or changes a byte: what encoding/json then still takes is
// read alike.
func checkSpoiled(t *testing.T, seed uint64, text []byte, rng *rand.Rand) {
	t.Helper()
	at := rng.IntN(len(text))
	spoiled := bytes.Clone(text)
	if rng.IntN(2) == 0 {
		spoiled = append(spoiled[:at], spoiled[at+1:]...)
	} else {
		const structure = `{}[]",:\0-e `
		spoiled[at] = structure[rng.IntN(len(structure))]
	}
	var want any
	if !utf8.Valid(spoiled) || json.Unmarshal(spoiled, &want) != nil {
		return
	}
	s := New("x.json", spoiled)
	got := read(s)
	if s.End(); s.Err() != nil {
		t.Fatalf("seed %d: %q: %v", seed, spoiled, s.Err())
	}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("seed %d: %q read as %#v, want %#v", seed, spoiled, got, want)
	}
}
