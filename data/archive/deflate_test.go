package archive_test

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"errors"
	"hash/crc32"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"eomt/data"
	"eomt/data/archive"
)

// fixedHuffman writes a deflate stream of one block of fixed codes (RFC 1951,
// section 3.2.6).
type fixedHuffman struct {
	bytes.Buffer
	acc, n uint
}

// bits appends n bits of v, the lowest first.
func (w *fixedHuffman) bits(v, n uint) {
	w.acc |= v << w.n
	for w.n += n; w.n >= 8; w.n -= 8 {
		w.WriteByte(byte(w.acc))
		w.acc >>= 8
	}
}

// code appends n bits of v, the highest first.
func (w *fixedHuffman) code(v, n uint) {
	for n > 0 {
		n--
		w.bits(v>>n&1, 1)
	}
}

// zipOf returns a zip of one entry with the given deflate stream, which is stated
// to unpack to body.
func zipOf(t testing.TB, name string, stream, body []byte) []byte {
	t.Helper()
	var file bytes.Buffer
	w := zip.NewWriter(&file)
	entry, err := w.CreateRaw(&zip.FileHeader{Name: name, Method: zip.Deflate, CRC32: crc32.ChecksumIEEE(body),
		CompressedSize64: uint64(len(stream)), UncompressedSize64: uint64(len(body))})
	if err == nil {
		_, err = entry.Write(stream)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// A match that begins near the end of a 256 KiB window and copies its longest
// length from just as far back: valid, and beyond the buffer of a careless reader.
func TestMatchAcrossAWindow(t *testing.T) {
	const literals, length = 262_146, 258
	var w fixedHuffman
	w.bits(1, 1) // the last block
	w.bits(1, 2) // of fixed codes
	body := make([]byte, literals, literals+length)
	for i := range body {
		body[i] = byte(i % 144)
		w.code(0x30+uint(body[i]), 8)
	}
	w.code(0b11000101, 8) // length 258
	w.code(16, 5)         // distance 257 +
	w.bits(1, 7)
	w.code(0, 7) // end of block
	w.bits(0, 7) // of the last byte
	body = append(body, body[literals-length:]...)

	path := filepath.Join(t.TempDir(), "a.zip")
	writeFile(t, path, zipOf(t, "long.txt", w.Bytes(), body))
	src, err := archive.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	got, err := archive.ReadFile(src, "long.txt")
	if err != nil || !bytes.Equal(got, body) {
		t.Errorf("%d bytes, error %v; want %d", len(got), err, len(body))
	}
}

// Damage anywhere in a compressed entry is an error that names zip and entry.
func TestDamagedDeflate(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	var body []byte
	for len(body) < 3000 {
		body = append(body, "segmentation, "[:1+rng.IntN(14)]...)
		body = append(body, byte(rng.Uint32()))
	}
	dir := t.TempDir()
	for _, level := range []int{flate.NoCompression, flate.HuffmanOnly, flate.BestCompression} {
		var stream bytes.Buffer
		w, err := flate.NewWriter(&stream, level)
		if err != nil {
			t.Fatal(err)
		}
		w.Write(body)
		w.Close()
		for at := 0; at < stream.Len(); at += 1 + rng.IntN(stream.Len()/40) {
			damaged := bytes.Clone(stream.Bytes())
			damaged[at] ^= byte(1 + rng.IntN(255))
			checkDamaged(t, dir, damaged, body)
			checkDamaged(t, dir, damaged[:at], body)
		}
	}
}

// checkDamaged reads an entry of the given stream. Damage may leave the content as
// it is, as in the padding of a stored block.
func checkDamaged(t *testing.T, dir string, stream, body []byte) {
	t.Helper()
	path := filepath.Join(dir, "a.zip")
	writeFile(t, path, zipOf(t, "in/entry.txt", stream, body))
	src, err := archive.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	got, err := archive.ReadFile(src, "in/entry.txt")
	if err == nil && bytes.Equal(got, body) {
		return
	}
	var format *data.FormatError
	if !errors.As(err, &format) || !strings.HasSuffix(format.Path, "a.zip/in/entry.txt") {
		t.Fatalf("%d bytes of %d, error %v (%T)", len(got), len(body), err, err)
	}
}

// A damaged inner zip is named with the way to it.
func TestDamagedNestedZip(t *testing.T) {
	inner := zipBytes(t, entry{"f.txt", zip.Store, []byte("content")})
	path := filepath.Join(t.TempDir(), "outer.zip")
	writeFile(t, path, zipOf(t, "inner.zip", []byte("\x07"), inner))
	_, err := archive.Open(path + "/inner.zip")
	var format *data.FormatError
	if !errors.As(err, &format) || !strings.HasSuffix(format.Path, "outer.zip/inner.zip") || !strings.Contains(format.Reason, "cannot be unpacked") {
		t.Errorf("%v", err)
	}
}

// An entry that states a huge size costs the memory of what it holds.
func TestStatedSizeIsNotTrusted(t *testing.T) {
	stream := []byte("\x01\x05\x00\xfa\xffhello")
	for _, size := range []uint64{1 << 40, 1<<63 - 1, 1 << 63, 1<<64 - 1} {
		var file bytes.Buffer
		w := zip.NewWriter(&file)
		entry, err := w.CreateRaw(&zip.FileHeader{Name: "f.zip", Method: zip.Deflate, CompressedSize64: uint64(len(stream)), UncompressedSize64: size})
		if err != nil {
			t.Fatal(err)
		}
		entry.Write(stream)
		w.Close()
		path := filepath.Join(t.TempDir(), "a.zip")
		writeFile(t, path, file.Bytes())
		src, err := archive.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer src.Close()
		if _, err := archive.ReadFile(src, "f.zip"); !errors.As(err, new(*data.FormatError)) {
			t.Errorf("size %d: error %v", size, err)
		}
		if _, err := archive.Open(path + "/f.zip"); !errors.As(err, new(*data.FormatError)) {
			t.Errorf("size %d: opened as a zip: error %v", size, err)
		}
	}
}
