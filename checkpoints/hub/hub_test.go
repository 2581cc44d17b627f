package hub

import (
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const commit = "0123456789abcdef0123456789abcdef01234567"

var commitTime = time.Unix(0, 0)

// server is a hub with one repository, owner/name.
type server struct {
	*httptest.Server
	files map[string]string // content by name; names with safetensors or bin are large files
	token string            // wanted; empty for none
	cutAt int               // bytes after which the next transfer of a large file breaks; 0 for never
	gets  map[string]int    // transfers begun, by file and range: "model.safetensors bytes=4-"
}

func newServer(t *testing.T, files map[string]string) *server {
	s := &server{files: files, gets: map[string]int{}}
	s.Server = httptest.NewServer(http.HandlerFunc(s.answer))
	t.Cleanup(s.Close)
	return s
}

func isLarge(name string) bool {
	return strings.HasSuffix(name, ".safetensors") || strings.HasSuffix(name, ".bin")
}

func sums(content string) (git, lfs string) {
	g := sha1.Sum([]byte(fmt.Sprintf("blob %d\x00%s", len(content), content)))
	l := sha256.Sum256([]byte(content))
	return hex.EncodeToString(g[:]), hex.EncodeToString(l[:])
}

func (s *server) answer(w http.ResponseWriter, r *http.Request) {
	if s.token != "" && r.Header.Get("Authorization") != "Bearer "+s.token {
		http.Error(w, "Access to model owner/name is restricted", http.StatusUnauthorized)
		return
	}
	if r.URL.Path == "/api/models/owner/name/revision/main" {
		var siblings []map[string]any
		for name, content := range s.files {
			git, lfs := sums(content)
			one := map[string]any{"rfilename": name, "size": len(content), "blobId": git}
			if isLarge(name) {
				one["lfs"] = map[string]any{"sha256": lfs, "size": len(content)}
			}
			siblings = append(siblings, one)
		}
		json.NewEncoder(w).Encode(map[string]any{"id": "owner/name", "sha": commit, "siblings": siblings})
		return
	}
	name, ok := strings.CutPrefix(r.URL.Path, "/owner/name/resolve/"+commit+"/")
	content, there := s.files[name]
	if !ok || !there {
		http.NotFound(w, r)
		return
	}
	git, lfs := sums(content)
	w.Header().Set("ETag", `"`+git+`"`)
	if isLarge(name) {
		w.Header().Set("X-Linked-Etag", `"`+lfs+`"`)
	}
	if r.Method == http.MethodGet {
		s.gets[strings.TrimSpace(name+" "+r.Header.Get("Range"))]++
		if s.cutAt > 0 && isLarge(name) {
			w.Header().Set("Content-Length", fmt.Sprint(len(content)))
			w.Write([]byte(content[:s.cutAt]))
			w.(http.Flusher).Flush()
			s.cutAt = 0
			panic(http.ErrAbortHandler)
		}
	}
	http.ServeContent(w, r, name, commitTime, strings.NewReader(content))
}

func (s *server) options(t *testing.T) Options {
	t.Setenv("HF_TOKEN", "")
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	return Options{Endpoint: s.URL, CacheDir: filepath.Join(t.TempDir(), "cache")}
}

func fetch(t *testing.T, o Options) (string, error) {
	t.Helper()
	return Fetch(context.Background(), "hf:owner/name", o)
}

func wantFile(t *testing.T, dir, name, content string) {
	t.Helper()
	got, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil || string(got) != content {
		t.Errorf("%s holds %q, want %q (%v)", name, got, content, err)
	}
}

func TestFetchTakesWeightsAndConfig(t *testing.T) {
	s := newServer(t, map[string]string{"config.json": "{}", "model.safetensors": "weights", "pytorch_model.bin": "old", "README.md": "x"})
	o := s.options(t)
	var last int64
	o.Progress = func(file string, done, total int64) { last = done }
	dir, err := fetch(t, o)
	if err != nil {
		t.Fatal(err)
	}
	wantFile(t, dir, "config.json", "{}")
	wantFile(t, dir, "model.safetensors", "weights")
	if last != 7 {
		t.Errorf("progress ended at %d bytes, want 7", last)
	}
	if s.gets["README.md"]+s.gets["pytorch_model.bin"] > 0 {
		t.Errorf("more was fetched than needed: %v", s.gets)
	}
	if _, err := fetch(t, o); err != nil || s.gets["model.safetensors"] != 1 {
		t.Errorf("a second fetch transfers again: %v (%v)", s.gets, err)
	}
}

func TestFetchTakesShardsOrBin(t *testing.T) {
	index := `{"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors", "c": "model-1.safetensors"}}`
	s := newServer(t, map[string]string{indexFile: index, "model-1.safetensors": "one", "model-2.safetensors": "two"})
	dir, err := fetch(t, s.options(t))
	if err != nil {
		t.Fatal(err)
	}
	wantFile(t, dir, "model-1.safetensors", "one")
	wantFile(t, dir, "model-2.safetensors", "two")
	wantFile(t, dir, indexFile, index)

	s = newServer(t, map[string]string{"pytorch_model.bin": "bin"})
	if dir, err = fetch(t, s.options(t)); err != nil {
		t.Fatal(err)
	}
	wantFile(t, dir, "pytorch_model.bin", "bin")
}

func TestTransferGoesOnWhereItWasCut(t *testing.T) {
	s := newServer(t, map[string]string{"model.safetensors": "0123456789"})
	o := s.options(t)
	s.cutAt = 4
	_, err := fetch(t, o)
	wantError(t, err, "after 4 of 10 bytes", "run again")
	dir, err := fetch(t, o)
	if err != nil {
		t.Fatal(err)
	}
	wantFile(t, dir, "model.safetensors", "0123456789")
	if s.gets["model.safetensors bytes=4-"] != 1 {
		t.Errorf("transfers %v, want one from byte 4", s.gets)
	}
}

func TestDamageIsFoundAndMended(t *testing.T) {
	s := newServer(t, map[string]string{"config.json": "{}", "model.safetensors": "weights"})
	o := s.options(t)
	dir, err := fetch(t, o)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"config.json", "model.safetensors"} {
		blob, err := filepath.EvalSymlinks(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(blob, []byte("broken!"), 0o666); err != nil {
			t.Fatal(err)
		}
		_, err = fetch(t, o)
		if !errors.As(err, new(*ChecksumError)) || !strings.Contains(err.Error(), name) {
			t.Errorf("damage of %s: %v", name, err)
		}
		if _, err := fetch(t, o); err != nil {
			t.Error(err)
		}
	}
	wantFile(t, dir, "config.json", "{}")
	wantFile(t, dir, "model.safetensors", "weights")
}

func TestWithoutANetwork(t *testing.T) {
	s := newServer(t, map[string]string{"config.json": "{}", "model.safetensors": "weights"})
	o := s.options(t)
	s.Close()
	_, err := fetch(t, o)
	wantError(t, err, "hf:owner/name", "no network", "go run ./cmd/weights fetch hf:owner/name", "give its path")

	s = newServer(t, map[string]string{"config.json": "{}", "model.safetensors": "weights"})
	o.Endpoint = s.URL
	dir, err := fetch(t, o)
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	var notice string
	o.Notice = func(text string) { notice = text }
	for range 2 {
		again, err := fetch(t, o)
		if err != nil || again != dir || !strings.Contains(notice, "fetched before") {
			t.Errorf("without a network: %q, %v, notice %q", again, err, notice)
		}
	}
}

func TestAccess(t *testing.T) {
	s := newServer(t, map[string]string{"model.safetensors": "weights"})
	s.token = "secret"
	o := s.options(t)
	_, err := fetch(t, o)
	wantError(t, err, "HF_TOKEN", "licence", "owner/name")
	o.Token = "wrong"
	_, err = fetch(t, o)
	wantError(t, err, "another token")
	if strings.Contains(err.Error(), "wrong") {
		t.Errorf("the error shows the token: %v", err)
	}
	o.Token = ""
	t.Setenv("HF_TOKEN", "secret")
	if _, err := fetch(t, o); err != nil {
		t.Error(err)
	}
	t.Setenv("HF_TOKEN", "")
	o.CacheDir = t.TempDir()
	tokenFile := filepath.Join(os.Getenv("XDG_CACHE_HOME"), "huggingface", "token")
	if err := errors.Join(os.MkdirAll(filepath.Dir(tokenFile), 0o777), os.WriteFile(tokenFile, []byte("secret\n"), 0o666)); err != nil {
		t.Fatal(err)
	}
	if _, err := fetch(t, o); err != nil {
		t.Error(err)
	}
}

func TestWhatIsNotThere(t *testing.T) {
	s := newServer(t, map[string]string{"README.md": "x"})
	_, err := fetch(t, s.options(t))
	wantError(t, err, "neither model.safetensors")
	o := s.options(t)
	o.Revision = "v9"
	_, err = fetch(t, o)
	wantError(t, err, `no revision "v9"`)
	s = newServer(t, map[string]string{indexFile: `{"weight_map": {"a": "model-7.safetensors"}}`})
	_, err = fetch(t, s.options(t))
	wantError(t, err, "names model-7.safetensors")
}

func TestReferences(t *testing.T) {
	for text, want := range map[string]bool{
		"dinov2:vitl14_reg4": true, "hf:a/b": true, "runs/one": false, "/abs": false, `C:\models`: false, "dinov2": false,
	} {
		if IsReference(text) != want {
			t.Errorf("IsReference(%q) is %t", text, !want)
		}
	}
	if id, err := Repository("dinov2:vitl14_reg4"); err != nil || id != "facebook/dinov2-with-registers-large" {
		t.Errorf("dinov2:vitl14_reg4 is %q, %v", id, err)
	}
	for _, bad := range []string{"dinov2:vitx", "hf:", "hf:../..", "hf:a/b/c", "hf:a/.."} {
		if id, err := Repository(bad); err == nil {
			t.Errorf("%q is taken as %q", bad, id)
		}
	}
	_, err := Repository("dinov2:vitx")
	wantError(t, err, "dinov2:vitx", "dinov2:vitl14_reg4")
	_, err = Fetch(context.Background(), "hf:a/b", Options{Revision: "../x"})
	wantError(t, err, "is not a branch, tag or commit")
	if path, err := Resolve(context.Background(), "runs/one", Options{}); path != "runs/one" || err != nil {
		t.Errorf("a path became %q, %v", path, err)
	}
}

func TestInterrupted(t *testing.T) {
	s := newServer(t, map[string]string{"model.safetensors": "weights"})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Fetch(ctx, "hf:owner/name", s.options(t)); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
}

func wantError(t *testing.T, err error, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("error %v, want one with %q", err, text)
		}
	}
}
