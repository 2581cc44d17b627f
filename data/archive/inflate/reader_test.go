package inflate

import (
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"
)

func deflate(t testing.TB, level int, text []byte) []byte {
	var packed bytes.Buffer
	w, err := flate.NewWriter(&packed, level)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return packed.Bytes()
}

// text of n bytes that repeats itself at all distances, with stretches of noise.
func text(n int, seed uint64) []byte {
	rng := rand.New(rand.NewPCG(seed, 1))
	var out []byte
	for len(out) < n {
		switch k := rng.IntN(10); {
		case k < 4 && len(out) > 0:
			from := rng.IntN(len(out))
			if back := 40000; len(out) > back && k > 0 {
				from = len(out) - 1 - rng.IntN(back)
			}
			for range 3 + rng.IntN(300) {
				out = append(out, out[from])
				from++
			}
		case k < 9:
			out = fmt.Appendf(out, "%.2f, ", 640*rng.Float64())
		default:
			for range rng.IntN(200) {
				out = append(out, uint8(rng.Uint32()))
			}
		}
	}
	return out[:n]
}

// What compress/flate packs comes back, at all levels, however it is read.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.OneOf(rapid.IntRange(0, 300), rapid.IntRange(0, 400_000)).Draw(t, "n")
		want := text(n, rapid.Uint64().Draw(t, "seed"))
		level := rapid.IntRange(-2, 9).Draw(t, "level")
		var packed bytes.Buffer
		w, _ := flate.NewWriter(&packed, level)
		w.Write(want[:n/2])
		if rapid.Bool().Draw(t, "flush") {
			w.Flush()
		}
		w.Write(want[n/2:])
		w.Close()
		var src io.Reader = &packed
		switch rapid.IntRange(0, 2).Draw(t, "source") {
		case 1:
			src = iotest.HalfReader(src)
		case 2:
			src = iotest.DataErrReader(src)
		}
		r := NewReader(src)
		defer r.Close()
		if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("%d bytes, error %v; want %d", len(got), err, len(want))
		}
	})
}

// A stream that is cut anywhere ends in io.ErrUnexpectedEOF, with what came before.
func TestCutStreams(t *testing.T) {
	want := text(4000, 1)
	for _, level := range []int{flate.NoCompression, flate.HuffmanOnly, flate.BestCompression} {
		packed := deflate(t, level, want)
		for n := range packed {
			got, err := io.ReadAll(NewReader(bytes.NewReader(packed[:n])))
			if err != io.ErrUnexpectedEOF {
				t.Fatalf("level %d, %d of %d bytes: %d bytes, error %v", level, n, len(packed), len(got), err)
			}
		}
	}
}

func TestDamagedStreams(t *testing.T) {
	for name, packed := range map[string]string{
		"block of type 3":          "\x07",
		"length without its check": "\x01\x05\x00\x05\x00hello",
		"match before the start":   "\x4b\x04\x12\x00",
		"code for lengths twice":   "\x05\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
	} {
		_, err := io.ReadAll(NewReader(bytes.NewReader([]byte(packed + "\x00\x00\x00\x00\x00\x00\x00\x00"))))
		if !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
	cause := errors.New("disk")
	if _, err := io.ReadAll(NewReader(iotest.ErrReader(cause))); err != cause {
		t.Errorf("%v, want the reader's error", err)
	}
	r := NewReader(bytes.NewReader(deflate(t, 9, []byte("x"))))
	r.Close()
	r.Close()
	if _, err := r.Read(make([]byte, 1)); err == nil {
		t.Error("a closed reader reads")
	}
}

// On any input it agrees with compress/flate: the same bytes, or both an error.
func FuzzAgainstFlate(f *testing.F) {
	for level := flate.HuffmanOnly; level <= 9; level++ {
		f.Add(deflate(f, level, text(300, uint64(level+3))))
	}
	f.Add([]byte("\x4b\x04\x12\x00"))
	f.Fuzz(func(t *testing.T, packed []byte) {
		const most = 1 << 22
		want, wantErr := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(packed)), most))
		r := NewReader(bytes.NewReader(packed))
		got, err := io.ReadAll(io.LimitReader(r, most))
		r.Close()
		if (err == nil) != (wantErr == nil) || err == nil && !bytes.Equal(got, want) {
			t.Fatalf("%d bytes, error %v; compress/flate has %d bytes, error %v", len(got), err, len(want), wantErr)
		}
	})
}

func BenchmarkReader(b *testing.B) {
	want := text(4<<20, 1)
	packed := deflate(b, 6, want)
	for name, open := range map[string]func(io.Reader) io.ReadCloser{"this": NewReader, "compress-flate": flate.NewReader} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(want)))
			for b.Loop() {
				r := open(bytes.NewReader(packed))
				if n, err := io.Copy(io.Discard, r); err != nil || n != int64(len(want)) {
					b.Fatal(n, err)
				}
				r.Close()
			}
		})
	}
}
