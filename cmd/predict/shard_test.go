package main

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"eomt/data/images"
	"eomt/eval/shards"
	"eomt/internal/cli"
	"eomt/internal/cli/clitest"
)

// asPredict has the test's binary be predict.
const asPredict = "EOMT_TEST_PREDICT"

func TestMain(m *testing.M) {
	if os.Getenv(asPredict) != "" {
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// predictCommand is a process of predict.
func predictCommand(args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), asPredict+"=1", "GOMLX_BACKEND=go")
	return cmd
}

// exitCode runs a process and returns its exit code and standard error.
func exitCode(t *testing.T, cmd *exec.Cmd) (int, string) {
	t.Helper()
	var said bytes.Buffer
	cmd.Stderr = &said
	err := cmd.Run()
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), said.String()
}

// records is the number of images in a shard's manifest.
func records(dir string) int {
	text, _ := os.ReadFile(filepath.Join(dir, shards.ManifestName))
	return max(0, bytes.Count(text, []byte("\n"))-1)
}

// killed runs a process and kills it when its shard has some images; false if it was
// faster.
func killed(t *testing.T, dir string, cmd *exec.Cmd) bool {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		select {
		case <-ended:
			return false
		case <-time.After(time.Millisecond):
			if records(dir) > 0 {
				_ = cmd.Process.Kill()
				<-ended
				return true
			}
		}
	}
}

func countFiles(t *testing.T, dir string) (n int) {
	t.Helper()
	if err := filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			n++
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return n
}

// Any number of shards, the first killed and started again, merge into the files of one
// run without shards, to the byte. The order of predict.files is its own, whatever the
// number.
func TestShardsMergeIntoTheSameFiles(t *testing.T) {
	weights, whole := tinyRun(t), filepath.Join(t.TempDir(), "whole")
	names := []string{"b-cut.jpg", "k-cut.jpg"}
	for i := range 16 {
		names = append(names, fmt.Sprintf("%02d.jpg", i))
	}
	in := put(t, names...)
	args := []string{"-weights", weights, "-score", "0"}
	if code, said := exitCode(t, predictCommand(append(args, "-out", whole, in)...)); code != 1 {
		t.Fatalf("code %d: %s", code, said)
	}
	var lists [][]byte
	for _, n := range []int{1, 3, 7} {
		root := t.TempDir()
		var dirs []string
		kills := 0
		for i := range n {
			dir := filepath.Join(root, fmt.Sprint(i))
			dirs = append(dirs, dir)
			shard := append(args, "-shard", fmt.Sprintf("%d/%d", i, n), "-max-failures", "2", "-out", dir, in)
			for range 2 { // started again at once
				if i == 0 && killed(t, dir, predictCommand(shard...)) {
					kills++
				}
			}
			if code, said := exitCode(t, predictCommand(shard...)); code != 0 {
				t.Fatalf("shard %d/%d: code %d: %s", i, n, code, said)
			}
		}
		if n == 1 && kills == 0 {
			t.Error("the shard was done before it was killed")
		}
		merged := filepath.Join(t.TempDir(), "merged")
		code, said := exitCode(t, predictCommand(append([]string{"merge", "-out", merged}, dirs...)...))
		if code != failedCode || !strings.Contains(said, "2 of 18 images failed: "+filepath.Join(merged, "failed.json")) {
			t.Errorf("merge: code %d: %s", code, said)
		}
		if compared := clitest.SameFiles(t, merged, whole, manifest); compared != countFiles(t, merged)-1 || compared < 35 {
			t.Errorf("%d files of %d", compared, countFiles(t, merged))
		}
		list, err := os.ReadFile(filepath.Join(merged, manifest))
		if err != nil {
			t.Fatal(err)
		}
		if lists = append(lists, list); !bytes.Equal(list, lists[0]) {
			t.Errorf("%d shards list other files", n)
		}
	}
}

// A complete shard with failed images ends with exit code 3, tries them again, and has no
// list of failures once they are readable.
func TestShardTriesFailedImagesAgain(t *testing.T) {
	in, out := put(t, "a.jpg", "b-cut.jpg"), filepath.Join(t.TempDir(), "out")
	args := []string{"-backend", "go", "-weights", tinyRun(t), "-shard", "0/1", "-out", out, in}
	err := run(t.Context(), args)
	if exit := new(cli.ExitError); !errors.As(err, &exit) || exit.Code != failedCode ||
		err.Error() != "1 of 2 images failed: "+filepath.Join(out, "failed.json")+" lists them; -max-failures allows them" {
		t.Errorf("%v", err)
	}
	if err := os.WriteFile(filepath.Join(in, "b-cut.jpg"), photograph(t, 90, 41), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := run(t.Context(), args); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(out, "failed.json")); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	var list imageList
	if readJSON(t, &list, out, "images.json"); len(list.Images) != 2 {
		t.Errorf("%+v", list)
	}
}

func TestShardRefuses(t *testing.T) {
	weights, in, out := tinyRun(t), put(t, "a.jpg", "b.jpg"), filepath.Join(t.TempDir(), "out")
	args := []string{"-backend", "go", "-weights", weights}
	if err := run(t.Context(), append(args, "-shard", "0/1", "-out", out, in)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(in, "c.jpg"), photograph(t, 90, 41), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name  string
		usage bool
		want  string
		args  []string
	}{
		{"form", true, "-shard 3/3: want i/n with i from 0 to n-1", append(args, "-shard", "3/3", "-out", out, in)},
		{"no array", true, "this is no job array", append(args, "-shard", "auto", "-out", out, in)},
		{"failures alone", true, "-max-failures goes with -shard", append(args, "-max-failures", "1", "-out", out, in)},
		{"other shard", false, "was begun with shard 0/1, not 1/2", append(args, "-shard", "1/2", "-out", out, in)},
		{"other images", false, "was begun with images 2, not 3", append(args, "-shard", "0/1", "-out", out, in)},
		{"no shard", false, "overlays already exists", append(args, "-out", out, in)},
		{"other score", false, "was begun with score 0, not 0.5", append(args, "-score", "0.5", "-shard", "0/1", "-out", out, filepath.Join(in, "a.jpg"), filepath.Join(in, "b.jpg"))},
		{"merge without out", true, "-out is missing", []string{"merge", out}},
		{"merge of nothing", true, "name the folders of all shards", []string{"merge", "-out", out}},
		{"merge into a shard", false, "already exists", []string{"merge", "-out", out, out}},
		{"merge of photographs", false, in + " is not the folder of a shard", []string{"merge", "-out", t.TempDir(), in}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv("SLURM_ARRAY_TASK_ID", "")
			err := run(t.Context(), test.args)
			var usage *cli.UsageError
			if err == nil || errors.As(err, &usage) != test.usage || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q in it", err, test.want)
			}
		})
	}
}

// A service that goes out of reach, and an interrupt, end the run without a word about its
// images; the same command goes on.
func TestEndedShardGoesOn(t *testing.T) {
	var reachable atomic.Bool
	backend := s3mem.New()
	if err := backend.CreateBucket("photos"); err != nil {
		t.Fatal(err)
	}
	raw := photograph(t, 60, 30)
	for _, key := range []string{"a.jpg", "b.jpg"} {
		if _, err := backend.PutObject("photos", key, map[string]string{"Last-Modified": "Mon, 02 Jan 2006 15:04:05 GMT"}, bytes.NewReader(raw), int64(len(raw)), nil); err != nil {
			t.Fatal(err)
		}
	}
	fake := gofakes3.New(backend).Server()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, ".jpg") && !reachable.Load() {
			w.WriteHeader(http.StatusNotImplemented) // which the client does not repeat
			return
		}
		fake.ServeHTTP(w, r)
	}))
	defer server.Close()
	for name, value := range map[string]string{"AWS_ENDPOINT_URL": server.URL, "AWS_ENDPOINT_URL_S3": "", "AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s"} {
		t.Setenv(name, value)
	}
	out := filepath.Join(t.TempDir(), "out")
	args := []string{"-backend", "go", "-weights", tinyRun(t), "-out", out, "-shard", "0/1", "s3://photos"}
	err := run(t.Context(), args)
	if !errors.Is(err, images.ErrUnavailable) || !strings.Contains(err.Error(), "shard 0/1 ended after 0 of 2 images, the same command goes on there: s3://photos/") || records(out) != 0 {
		t.Errorf("%v, %d records", err, records(out))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := run(ctx, args); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	reachable.Store(true)
	if err := run(t.Context(), args); err != nil || records(out) != 2 {
		t.Errorf("%v, %d records", err, records(out))
	}
}

// Tar shards and a bucket are predicted in shards; a member that is no image is a failed
// one.
func TestShardsOfTarsAndBuckets(t *testing.T) {
	weights, root := tinyRun(t), t.TempDir()
	var packed bytes.Buffer
	w := tar.NewWriter(&packed)
	for name, raw := range map[string][]byte{"0.jpg": photograph(t, 90, 41), "1.png": []byte("no image"), "1.json": nil} {
		err := w.WriteHeader(&tar.Header{Name: name, Size: int64(len(raw)), Mode: 0o644, Typeflag: tar.TypeReg})
		if err == nil {
			_, err = w.Write(raw)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), os.WriteFile(filepath.Join(root, "x-0.tar"), packed.Bytes(), 0o666)); err != nil {
		t.Fatal(err)
	}
	backend := s3mem.New()
	if err := backend.CreateBucket("photos"); err != nil {
		t.Fatal(err)
	}
	raw := photograph(t, 60, 30)
	if _, err := backend.PutObject("photos", "in/a.jpg", map[string]string{"Last-Modified": "Mon, 02 Jan 2006 15:04:05 GMT"}, bytes.NewReader(raw), int64(len(raw)), nil); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(gofakes3.New(backend).Server())
	defer server.Close()
	for name, value := range map[string]string{"AWS_ENDPOINT_URL": server.URL, "AWS_ENDPOINT_URL_S3": "", "AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s"} {
		t.Setenv(name, value)
	}
	args := []string{"-backend", "go", "-weights", weights, "-max-failures", "-1"}
	merging := []string{"merge", "-max-failures", "1", "-out", filepath.Join(root, "merged")}
	for _, shard := range []string{"0/2", "1/2"} {
		dir := filepath.Join(root, shard[:1])
		if err := run(t.Context(), append(args, "-shard", shard, "-out", dir, filepath.Join(root, "x-{0..0}.tar"), "s3://photos/in")); err != nil {
			t.Fatal(err)
		}
		merging = append(merging, dir)
	}
	if err := run(t.Context(), merging); err != nil {
		t.Fatal(err)
	}
	var failed []struct{ File, Error string }
	readJSON(t, &failed, root, "merged", "failed.json")
	if len(failed) != 1 || failed[0].File != filepath.Join(root, "x-0.tar/1.png") || !strings.Contains(failed[0].Error, "not a readable image") {
		t.Errorf("%+v", failed)
	}
	var list imageList
	if readJSON(t, &list, root, "merged", "images.json"); len(list.Images) != 2 || list.Images[0].File != "0.jpg" || list.Images[1].File != "a.jpg" {
		t.Errorf("%+v", list)
	}
}
