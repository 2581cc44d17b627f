package images

import (
	"archive/tar"
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// member is a file for a tar.
type member struct {
	name string
	kind byte
}

// tarOf is a tar of members that hold their names.
func tarOf(t testing.TB, members ...member) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, m := range members {
		h := &tar.Header{Name: m.name, Typeflag: m.kind, Mode: 0o644}
		if m.kind == tar.TypeReg {
			h.Size = int64(len(m.name))
		} else {
			h.Linkname = "elsewhere"
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if m.kind != tar.TypeReg {
			continue
		}
		if _, err := w.Write([]byte(m.name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func files(names ...string) []member {
	var list []member
	for _, name := range names {
		list = append(list, member{name, tar.TypeReg})
	}
	return list
}

func save(t *testing.T, path string, raw []byte) {
	t.Helper()
	if err := os.WriteFile(path, raw, 0o666); err != nil {
		t.Fatal(err)
	}
}

func names(list []Image) (names []string) {
	for _, image := range list {
		names = append(names, image.Name)
	}
	return names
}

// Tars of a pattern, a folder and a file are one list with keys that occur once.
func TestFind(t *testing.T) {
	dir := t.TempDir()
	long := strings.Repeat("long/", 30) + "name.webp" // has a PAX header
	save(t, filepath.Join(dir, "x-00.tar"), tarOf(t, files("./a.jpg", "a.json", "sub/b.c.png", "sub/d.png", "._e.jpg", long)...))
	save(t, filepath.Join(dir, "x-01.tar"), tarOf(t, files("a.jpg", "f.JPEG")...))
	save(t, filepath.Join(dir, "g.png"), []byte("g"))
	found, err := Find(t.Context(), []string{filepath.Join(dir, "x-{00..01}.tar"), dir, filepath.Join(dir, "g.png")})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"a.jpg", "sub/d.png", long, "a-2.jpg", "f.JPEG", "g.png", "g-2.png"}
	if !slices.Equal(names(found), want) || found[3].Key() != "a-2" || found[3].Path != filepath.Join(dir, "x-01.tar/a.jpg") {
		t.Errorf("%v, want %v", names(found), want)
	}
	for i, content := range []string{"./a.jpg", "sub/d.png", long, "a.jpg", "f.JPEG", "g", "g"} {
		if raw, err := found[i].Read(t.Context()); err != nil || string(raw) != content {
			t.Errorf("%s holds %q, %v", found[i].Name, raw, err)
		}
	}
}

func TestFindRefuses(t *testing.T) {
	whole := tarOf(t, files("a.jpg", "b.jpg")...)
	for _, test := range []struct {
		name, want string
		raw        []byte
	}{
		{"cut.tar", "cut.tar: not a whole tar file (unexpected EOF), after 1 images", whole[:1024+100]},
		{"text.tar", "text.tar: not a whole tar file (", bytes.Repeat([]byte("text"), 300)},
		{"outside.tar", `the name "../../etc/a.jpg" is refused`, tarOf(t, files("../../etc/a.jpg")...)},
		{"root.tar", `the name "/etc/a.jpg" is refused`, tarOf(t, files("/etc/a.jpg")...)},
		{"line.tar", `the name "a\nb.jpg" is refused`, tarOf(t, files("a\nb.jpg")...)},
		{"windows.tar", `the name "a\\b.jpg" is refused`, tarOf(t, files(`a\b.jpg`)...)},
		{"link.tar", `member "a.jpg" is a link, device or sparse file`, tarOf(t, member{"a.jpg", tar.TypeSymlink})},
		{"two.tar", "sample a has two images, a.jpg and a.png", tarOf(t, files("a.jpg", "a.png")...)},
		{"none.tar", "none.tar: no sample has an image: want members KEY.ENDING", tarOf(t, files("a.txt")...)},
		{"x.tar.gz", "x.tar.gz: a compressed tar is not read: unpack it", nil},
	} {
		path := filepath.Join(t.TempDir(), test.name)
		save(t, path, test.raw)
		if _, err := Find(t.Context(), []string{path}); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
	}
	for path, want := range map[string]string{
		"x-{0..1}.tar":     "x-0.tar: no such file",
		"x-{1..0}.tar":     "x-{1..0}.tar: {1..0}: the range goes backwards",
		"s3://":            "s3://: want s3://BUCKET/PREFIX",
		"s3://b/x.tar":     "tar files in a bucket are not read: fetch or mount them",
		"no-such/file.jpg": "no such file",
	} {
		if _, err := Find(t.Context(), []string{path}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
}

// Where the names agree with what bash makes of them.
func TestExpand(t *testing.T) {
	for pattern, want := range map[string]string{
		"x.tar": "x.tar", "x-{08..11}.tar": "x-08.tar x-09.tar x-10.tar x-11.tar", "{9..10}": "9 10", "{000..1}": "000 001",
		"{a,b}-{0..1}": "a-0 a-1 b-0 b-1", "{a,}": "a ",
	} {
		if got, err := Expand(pattern); err != nil || strings.Join(got, " ") != want {
			t.Errorf("%s: %q, %v; want %q", pattern, got, err, want)
		}
	}
	for pattern, want := range map[string]string{
		"{0..1": "want {000..012} or {a,b}", "{{0..1}}": "want {000..012} or {a,b}", "{a..b}": "want numbers from 0", "{1..}": "want numbers from 0",
		"{0..9999999}": "more than 1000000 names", "{0..9999}{0..9999}": "more than 1000000 names", "{0..18446744073709551615}": "want numbers from 0",
	} {
		if _, err := Expand(pattern); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", pattern, err, want)
		}
	}
}

func FuzzExpand(f *testing.F) {
	for _, pattern := range []string{"x-{000..012}.tar", "{a,b}{0..1}", "{", "{}", "{0..1"} {
		f.Add(pattern)
	}
	f.Fuzz(func(t *testing.T, pattern string) {
		if list, err := Expand(pattern); err == nil && (len(list) == 0 || len(list) > maxExpanded) {
			t.Errorf("%d names", len(list))
		}
	})
}

func FuzzTar(f *testing.F) {
	f.Add(tarOf(f, files("a.jpg", "sub/b.png", "c.txt")...))
	f.Add(tarOf(f, member{"a.jpg", tar.TypeLink}))
	f.Fuzz(func(t *testing.T, raw []byte) {
		found, err := scanTar(bytes.NewReader(raw), "x.tar")
		if err != nil {
			return
		}
		for _, image := range found {
			if !filepath.IsLocal(image.Name) || image.Key() == "" {
				t.Errorf("%q", image.Name)
			}
		}
	})
}
