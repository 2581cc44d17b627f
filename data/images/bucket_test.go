package images

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
)

// service is an S3 service on loopback with bucket "photos"; before, if not nil, answers
// requests for which it returns true.
func service(t *testing.T, before func(w http.ResponseWriter, r *http.Request) bool, keys ...string) {
	t.Helper()
	backend := s3mem.New()
	if err := backend.CreateBucket("photos"); err != nil {
		t.Fatal(err)
	}
	for _, key := range keys {
		if _, err := backend.PutObject("photos", key, map[string]string{"Last-Modified": "Mon, 02 Jan 2006 15:04:05 GMT"}, strings.NewReader(key), int64(len(key)), nil); err != nil {
			t.Fatal(err)
		}
	}
	fake := gofakes3.New(backend).Server()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if before == nil || !before(w, r) {
			fake.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(server.Close)
	noCredentials(t)
	t.Setenv("AWS_ENDPOINT_URL", server.URL)
	t.Setenv("AWS_ACCESS_KEY_ID", "key")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
}

// noCredentials clears what the machine's environment has.
func noCredentials(t *testing.T) {
	t.Helper()
	for _, entry := range os.Environ() {
		if name, _, _ := strings.Cut(entry, "="); strings.HasPrefix(name, "AWS_") {
			t.Setenv(name, "")
		}
	}
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(t.TempDir(), "none"))
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "")
}

// refuse answers as S3 does.
func refuse(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	fmt.Fprintf(w, "<Error><Code>%s</Code><Message>no</Message></Error>", code)
}

func TestBucket(t *testing.T) {
	keys := []string{"in/", "in/b.jpg", "in/a.png", "in/more/c.webp", "in/notes.txt", "inside/d.jpg"}
	for i := range 1200 { // more than a page
		keys = append(keys, fmt.Sprintf("many/%04d.jpg", i))
	}
	service(t, nil, keys...)
	for source, want := range map[string][]string{
		"s3://photos/in": {"a.png", "b.jpg", "more/c.webp"}, "s3://photos/in/": {"a.png", "b.jpg", "more/c.webp"}, "s3://photos/in/b.jpg": {"b.jpg"},
	} {
		found, err := Find(t.Context(), []string{source})
		if err != nil || !slices.Equal(names(found), want) {
			t.Errorf("%s: %v, %v; want %v", source, names(found), err, want)
		}
	}
	found, err := Find(t.Context(), []string{"s3://photos"})
	if err != nil || len(found) != 1204 || found[0].Name != "in/a.png" || found[0].Path != "s3://photos/in/a.png" {
		t.Fatalf("%d, %v", len(found), err)
	}
	if raw, err := found[0].Read(t.Context()); err != nil || string(raw) != "in/a.png" {
		t.Errorf("%q, %v", raw, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := found[0].Read(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if _, err := Find(ctx, []string{"s3://photos"}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	for source, want := range map[string]string{
		"s3://photos/none": "s3://photos/none has none (.jpg", "s3://nobody/x": "has no such bucket",
	} {
		if _, err := Find(t.Context(), []string{source}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", source, err, want)
		}
	}
}

// What an image's failure is, and what is one of the service.
func TestBucketErrors(t *testing.T) {
	for _, test := range []struct {
		name, code, want string
		status           int
		anonymous        bool
		unavailable      bool
	}{
		{"no credentials", "AccessDenied", "access denied, and no credentials were found: set AWS_ACCESS_KEY_ID", 403, true, false},
		{"denied", "AccessDenied", "access denied (403): the credentials need s3:ListBucket and s3:GetObject", 403, false, false},
		{"wrong secret", "SignatureDoesNotMatch", "does not accept the credentials (SignatureDoesNotMatch)", 403, false, true},
		{"gone", "NoSuchKey", "there is no such object any more", 404, false, false},
		{"other", "InvalidObjectState", "answers 400 InvalidObjectState: no", 400, false, false},
		{"not there", "NotImplemented", "the source is unavailable (http://127.0.0.1:", 501, false, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			var on atomic.Bool
			service(t, func(w http.ResponseWriter, _ *http.Request) bool {
				if on.Load() {
					refuse(w, test.status, test.code)
				}
				return on.Load()
			}, "a.jpg")
			if test.anonymous {
				t.Setenv("AWS_ACCESS_KEY_ID", "")
			}
			found, err := Find(t.Context(), []string{"s3://photos"})
			if err != nil {
				t.Fatal(err)
			}
			on.Store(true)
			_, err = found[0].Read(t.Context())
			if err == nil || !strings.Contains(err.Error(), test.want) || errors.Is(err, ErrUnavailable) != test.unavailable {
				t.Errorf("%v, want %q", err, test.want)
			}
			if _, err := Find(t.Context(), []string{"s3://photos"}); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("list: %v, want %q", err, test.want)
			}
		})
	}
	noCredentials(t)
	t.Setenv("AWS_ENDPOINT_URL", "localhost:9000")
	if _, err := Find(t.Context(), []string{"s3://photos"}); err == nil || !strings.Contains(err.Error(), `AWS_ENDPOINT_URL "localhost:9000": want http://HOST:PORT`) {
		t.Error(err)
	}
}

// A request that fails for a while, and a transfer that breaks off, are repeated.
func TestBucketRetries(t *testing.T) {
	var reads atomic.Int32
	service(t, func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "a.jpg") {
			return false
		}
		switch reads.Add(1) {
		case 1:
			refuse(w, 503, "SlowDown")
		case 2:
			w.Header().Set("Content-Length", "5")
			w.Header().Set("Last-Modified", "Mon, 02 Jan 2006 15:04:05 GMT")
			_, _ = w.Write([]byte("a."))
			panic(http.ErrAbortHandler)
		default:
			return false
		}
		return true
	}, "a.jpg")
	found, err := Find(t.Context(), []string{"s3://photos"})
	if err != nil {
		t.Fatal(err)
	}
	if raw, err := found[0].Read(t.Context()); err != nil || string(raw) != "a.jpg" || reads.Load() != 3 {
		t.Errorf("%q, %v after %d reads", raw, err, reads.Load())
	}
}

// Keys of a bucket may be no paths.
func TestBucketNamesAreChecked(t *testing.T) {
	service(t, nil, "in/../../a.jpg")
	if _, err := Find(t.Context(), []string{"s3://photos/in/"}); err == nil || !strings.Contains(err.Error(), `the name "../../a.jpg" is refused`) {
		t.Error(err)
	}
}

func TestCredentialsFile(t *testing.T) {
	var signed atomic.Value
	service(t, func(_ http.ResponseWriter, r *http.Request) bool {
		signed.Store(r.Header.Get("Authorization"))
		return false
	}, "a.jpg")
	file := filepath.Join(t.TempDir(), "credentials")
	save(t, file, []byte("[mine]\naws_access_key_id = FROMFILE\naws_secret_access_key = s\n"))
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", file)
	t.Setenv("AWS_PROFILE", "mine")
	if _, err := Find(t.Context(), []string{"s3://photos"}); err != nil || !strings.Contains(fmt.Sprint(signed.Load()), "Credential=FROMFILE/") {
		t.Errorf("%v, %v", err, signed.Load())
	}
}
