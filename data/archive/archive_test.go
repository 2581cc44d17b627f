package archive_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"eomt/data"
	"eomt/data/archive"

	"github.com/google/go-cmp/cmp"
)

type entry struct {
	name   string
	method uint16
	body   []byte
}

func zipBytes(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	for _, e := range entries {
		f, err := w.CreateHeader(&zip.FileHeader{Name: e.name, Method: e.method})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write(e.body); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func writeFile(t testing.TB, path string, body []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, body, 0o644); err != nil {
		t.Fatal(err)
	}
}

// layouts writes the same three files in every supported way and returns the
// places to open them at.
func layouts(t *testing.T) map[string]string {
	root := t.TempDir()
	var entries []entry
	for i, name := range []string{"a/1.txt", "a/2.txt", "b.txt"} {
		body := []byte(strings.Repeat(name, 100*(i+1)))
		writeFile(t, filepath.Join(root, "plain", filepath.FromSlash(name)), body)
		entries = append(entries, entry{"set/" + name, zip.Deflate, body})
	}
	inner := zipBytes(t, entries...)
	writeFile(t, filepath.Join(root, "z.zip"), inner)
	writeFile(t, filepath.Join(root, "stored.zip"), zipBytes(t,
		entry{"x/skip.txt", zip.Deflate, []byte("before")}, entry{"x/in.zip", zip.Store, inner}))
	deflated := zipBytes(t, entry{"x/in.zip", zip.Deflate, inner})
	writeFile(t, filepath.Join(root, "deflated.zip"), deflated)
	writeFile(t, filepath.Join(root, "twice.zip"), zipBytes(t, entry{"y.zip", zip.Store, deflated}))
	at := func(p string) string { return filepath.Join(root, filepath.FromSlash(p)) }
	return map[string]string{
		"folder":          at("plain"),
		"zip":             at("z.zip/set"),
		"nested stored":   at("stored.zip/x/in.zip/set"),
		"nested deflated": at("deflated.zip/x/in.zip/set/"),
		"nested twice":    at("twice.zip/y.zip/x/in.zip/set"),
	}
}

// Every layout must show the same files with the same content.
func TestLayoutsReadAlike(t *testing.T) {
	for layout, place := range layouts(t) {
		t.Run(layout, func(t *testing.T) {
			src, err := archive.Open(place)
			if err != nil {
				t.Fatal(err)
			}
			defer src.Close()
			names, err := src.Names(".")
			if diff := cmp.Diff([]string{"a/1.txt", "a/2.txt", "b.txt"}, names); diff != "" || err != nil {
				t.Fatalf("names: %v %s", err, diff)
			}
			if sub, err := src.Names("a"); err != nil || len(sub) != 2 || sub[0] != "a/1.txt" {
				t.Fatalf("names below a: %q, %v", sub, err)
			}
			var wg sync.WaitGroup
			for n := range 20 {
				wg.Go(func() {
					i := n % 3
					got, err := archive.ReadFile(src, names[i])
					if want := strings.Repeat(names[i], 100*(i+1)); err != nil || string(got) != want {
						t.Errorf("%s: %d bytes, %v", names[i], len(got), err)
					}
				})
			}
			wg.Wait()
			if src.Size("b.txt") != 1500 || src.Size("c.txt") != -1 {
				t.Errorf("sizes %d and %d, want 1500 and -1", src.Size("b.txt"), src.Size("c.txt"))
			}
			if !src.Has("b.txt") || src.Has("a") || src.Has("c.txt") {
				t.Error("Has: b.txt exists, a is a folder, c.txt is not there")
			}
		})
	}
}

func TestMissingFilesAreNamed(t *testing.T) {
	for layout, place := range layouts(t) {
		src, err := archive.Open(place)
		if err != nil {
			t.Fatal(err)
		}
		defer src.Close()
		_, err = archive.ReadFile(src, "a/gone.txt")
		if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "gone.txt") {
			t.Errorf("%s: %v", layout, err)
		}
		if _, err := src.Names("gone"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: list: %v", layout, err)
		}
		if _, err := archive.Open(place + "/gone"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: open: %v", layout, err)
		}
	}
}

func TestFolderIsNotLeft(t *testing.T) {
	root := t.TempDir()
	writeFile(t, filepath.Join(root, "secret"), []byte("x"))
	writeFile(t, filepath.Join(root, "in", "file"), []byte("x"))
	src, err := archive.Open(filepath.Join(root, "in"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := archive.ReadFile(src, "../secret"); !errors.As(err, new(*data.FormatError)) {
		t.Errorf("../secret: %v", err)
	}
	if src.Has("../secret") {
		t.Error("Has sees out of the folder")
	}
}

func TestFind(t *testing.T) {
	root := t.TempDir()
	writeFile(t, filepath.Join(root, "ann.zip"), zipBytes(t, entry{"ann/b.json", zip.Deflate, []byte("{}")}))
	writeFile(t, filepath.Join(root, "ann", "a.json"), []byte("{}"))

	src, name, err := archive.FindFile(root, "ann/b.json", "ann.zip/ann/b.json")
	if err != nil || !src.Has(name) {
		t.Fatalf("%v", err)
	}
	if got, want := src.Path(name), filepath.Join(root, "ann.zip")+"/ann/b.json"; got != want {
		t.Errorf("path %s, want %s", got, want)
	}
	for _, test := range []struct {
		root, place string
		want        []string
	}{
		{root, "other", []string{"none of other found", root, "data.root"}},
		{filepath.Join(root, "no"), "ann", []string{"does not exist", "data.root"}},
		{"", "ann", []string{"no data folder named"}},
	} {
		_, err := archive.Find(test.root, test.place)
		for _, part := range test.want {
			if err == nil || !strings.Contains(err.Error(), part) {
				t.Errorf("Find(%q, %q): %v lacks %q", test.root, test.place, err, part)
			}
		}
	}
}

func TestBrokenZips(t *testing.T) {
	root := t.TempDir()
	body := bytes.Repeat([]byte("content "), 50)
	good := zipBytes(t, entry{"in/1.txt", zip.Store, body}, entry{"in/2.txt", zip.Deflate, body})
	flipped := bytes.Replace(good, []byte("content content"), []byte("content Content"), 1)
	writeFile(t, filepath.Join(root, "crc.zip"), flipped)
	writeFile(t, filepath.Join(root, "cut.zip"), good[:len(good)/2])

	src, err := archive.Open(filepath.Join(root, "crc.zip", "in"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = archive.ReadFile(src, "1.txt")
	var format *data.FormatError
	if !errors.As(err, &format) || !strings.HasSuffix(format.Path, "crc.zip/in/1.txt") || !strings.Contains(format.Reason, "CRC-32") {
		t.Errorf("bad checksum: %v", err)
	}
	if got, err := archive.ReadFile(src, "2.txt"); err != nil || !bytes.Equal(got, body) {
		t.Errorf("the whole entry beside the broken one: %v", err)
	}
	_, err = archive.Open(filepath.Join(root, "cut.zip", "in"))
	if !errors.As(err, &format) || !strings.Contains(format.Error(), "not a complete zip") {
		t.Errorf("cut zip: %v", err)
	}
}

// No bytes may make the reader panic or read without end.
func FuzzZip(f *testing.F) {
	body := []byte("some content, some content")
	inner := zipBytes(f, entry{"d/1.txt", zip.Deflate, body})
	f.Add(inner)
	f.Add(zipBytes(f, entry{"n.zip", zip.Store, inner}))
	f.Add(zipBytes(f, entry{"n.zip", zip.Deflate, inner}))
	f.Fuzz(func(t *testing.T, raw []byte) {
		path := filepath.Join(t.TempDir(), "f.zip")
		writeFile(t, path, raw)
		for _, place := range []string{path, path + "/n.zip", path + "/d"} {
			src, err := archive.Open(place)
			if err != nil {
				continue
			}
			names, err := src.Names(".")
			for _, name := range names {
				if !src.Has(name) {
					t.Errorf("%q is listed but not there", name)
				}
				_, _ = archive.ReadFile(src, name) // an error is right, a panic is not
			}
			_ = err
			src.Close()
		}
	})
}

// BenchmarkOpenZip opens an index of COCO train2017's size and looks up one file.
func BenchmarkOpenZip(b *testing.B) {
	const images = 118287
	path := filepath.Join(b.TempDir(), "train2017.zip")
	entries := make([]entry, images)
	for i := range entries {
		entries[i] = entry{fmt.Sprintf("train2017/%012d.jpg", i), zip.Store, nil}
	}
	writeFile(b, path, zipBytes(b, entries...))
	b.ReportAllocs()
	for b.Loop() {
		src, err := archive.Open(path + "/train2017")
		if err != nil || !src.Has("000000118286.jpg") {
			b.Fatal(err)
		}
		src.Close()
	}
}
