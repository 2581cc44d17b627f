package shards

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"eomt/data"
	"eomt/eval/postprocess"
	"eomt/eval/predictions"
)

func TestParse(t *testing.T) {
	slurm := map[string]string{slurmID: "5", slurmCount: "7", slurmMin: "0", slurmMax: "6"}
	from1 := map[string]string{slurmID: "7", slurmCount: "7", slurmMin: "1", slurmMax: "7"}
	list := map[string]string{slurmID: "5", slurmCount: "2", slurmMin: "3", slurmMax: "5"}
	index := map[string]string{kubernetes: "2"}
	for _, test := range []struct {
		text string
		env  map[string]string
		want Shard
		err  string
	}{
		{"2/7", nil, Shard{2, 7}, ""},
		{"auto", slurm, Shard{5, 7}, ""},
		{"auto", from1, Shard{6, 7}, ""},
		{"auto/9", list, Shard{5, 9}, ""},
		{"auto/3", index, Shard{2, 3}, ""},
		{"7/7", nil, Shard{}, "want i/n with i from 0 to n-1"},
		{"-1/7", nil, Shard{}, "want i/n"},
		{"1", nil, Shard{}, "want i/n"},
		{"auto", nil, Shard{}, "neither SLURM_ARRAY_TASK_ID nor JOB_COMPLETION_INDEX is set"},
		{"auto", index, Shard{}, "Kubernetes does not tell the number of completions: name it as auto/n"},
		{"auto", list, Shard{}, "indices 3 to 5 are not a plain range: name the number of all shards as auto/n"},
		{"auto/7", from1, Shard{}, `SLURM_ARRAY_TASK_ID is "7": want 0 to 6 for 7 shards`},
		{"auto/none", index, Shard{}, `"none" shards: want a whole number from 1`},
		{"auto", map[string]string{slurmID: "0", kubernetes: "0"}, Shard{}, "are both set"},
		{"auto", map[string]string{slurmID: "0"}, Shard{}, "SLURM_ARRAY_TASK_COUNT is not set"},
	} {
		got, err := Parse(test.text, func(name string) string { return test.env[name] })
		if got != test.want || (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
			t.Errorf("%s, %v: %v, %v; want %v, %q", test.text, test.env, got, err, test.want, test.err)
		}
	}
}

// The choice of a shard is part of the manifest's format. The numbers are those of
// int.from_bytes(hashlib.sha256(key).digest()[:8]) % 7.
func TestHash(t *testing.T) {
	for key, want := range map[string]int{"a": 4, "more/photo": 6, "000123": 0} {
		found := -1
		for i := range 7 {
			if (Shard{i, 7}).Has(key) {
				found = i
			}
		}
		if found != want {
			t.Errorf("%s is of shard %d, want %d", key, found, want)
		}
	}
}

// testRun is shard i of n of a run of images a, b, c ...
func testRun(i, n, images int) Run {
	sum := sha256.New()
	for k := range images {
		fmt.Fprintln(sum, key(k))
	}
	run := Run{Shard: Shard{i, n}, Settings: Settings{Images: images, List: fmt.Sprintf("%x", sum.Sum(nil)), Weights: "w", Task: postprocess.TaskSemantic, Classes: []data.Class{{ID: 1, Name: "cat"}}}}
	for k := range images {
		if run.Has(key(k)) {
			run.Own++
		}
	}
	return run
}

func key(k int) string { return string(rune('a' + k)) }

func write(dir string) ([]string, json.RawMessage, error) {
	name := filepath.Join("labels", "x.png")
	err := errors.Join(os.MkdirAll(filepath.Join(dir, "labels"), 0o777), os.WriteFile(filepath.Join(dir, name), []byte("map"), 0o666))
	return []string{name}, nil, err
}

// shardOf writes a shard up to most images.
func shardOf(t *testing.T, dir string, run Run, most int) {
	t.Helper()
	w, err := Open(t.Context(), dir, run)
	if err != nil {
		t.Fatal(err)
	}
	for k := range run.Images {
		if !run.Has(key(k)) || w.Done(k) || most == 0 {
			continue
		}
		most--
		err := w.Add(Record{Index: k, Key: key(k), Name: key(k) + ".png"}, func(dir string) ([]string, json.RawMessage, error) {
			name := filepath.Join("labels", key(k)+".png")
			err := errors.Join(os.MkdirAll(filepath.Join(dir, "labels"), 0o777), os.WriteFile(filepath.Join(dir, name), []byte("map"), 0o666))
			return []string{name}, nil, err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

// A manifest cut at any byte, as a kill may leave it, is continued to the same folder.
func TestResumesFromEveryByte(t *testing.T) {
	dir, run := t.TempDir(), testRun(0, 1, 3)
	shardOf(t, dir, run, -1)
	path := filepath.Join(dir, ManifestName)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	first := bytes.IndexByte(whole, '\n') + 1 // appears whole or not at all
	for cut := first; cut < len(whole); cut += 7 {
		if err := errors.Join(os.WriteFile(path, whole[:cut], 0o666), os.MkdirAll(filepath.Join(dir, stagingDir, "3"), 0o777)); err != nil {
			t.Fatal(err)
		}
		shardOf(t, dir, run, -1)
		if text, err := os.ReadFile(path); err != nil || !bytes.Equal(text, whole) {
			t.Fatalf("cut at %d: %v, %s", cut, err, text)
		}
		if _, err := os.Stat(filepath.Join(dir, stagingDir)); !errors.Is(err, fs.ErrNotExist) {
			t.Error(err)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	run := testRun(0, 1, 3)
	edit := func(change func(path string) error) func(dir string) error {
		return func(dir string) error { return change(filepath.Join(dir, ManifestName)) }
	}
	for _, test := range []struct {
		name, want string
		change     func(dir string) error
	}{
		{"a lost file", "labels/a.png is not as manifest.jsonl says: remove ", func(dir string) error { return os.Remove(filepath.Join(dir, "labels", "a.png")) }},
		{"no manifest", "the folder has no manifest.jsonl of an interrupted shard", edit(os.Remove)},
		{"damage", "line 2: invalid character", edit(func(path string) error {
			text, err := os.ReadFile(path)
			at := bytes.IndexByte(text, '\n')
			text[at+1] = '!'
			return errors.Join(err, os.WriteFile(path, text, 0o666))
		})},
		{"twice", `a second record of image 2, "c"`, edit(func(path string) error {
			text, err := os.ReadFile(path)
			lines := bytes.SplitAfter(text, []byte("\n"))
			return errors.Join(err, os.WriteFile(path, append(text, lines[3]...), 0o666))
		})},
	} {
		dir := t.TempDir()
		shardOf(t, dir, run, -1)
		if err := test.change(dir); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(t.Context(), dir, run); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
	}

	dir := t.TempDir()
	w, err := Open(t.Context(), dir, run)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := Open(ctx, dir, run); err == nil || !strings.Contains(err.Error(), "another process is writing "+dir) {
		t.Error(err)
	}
	if err := w.Add(Record{Index: 9, Key: "z"}, write); err == nil || !strings.Contains(err.Error(), "index 9 of 3 images") {
		t.Error(err)
	}
	released := make(chan error, 1)
	time.AfterFunc(50*time.Millisecond, func() { released <- w.Close() })
	again, err := Open(t.Context(), dir, run) // which waits
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(<-released, again.Close()); err != nil {
		t.Error(err)
	}
}

func TestGatherRefuses(t *testing.T) {
	const images = 9
	root := t.TempDir()
	at := func(name string) string { return filepath.Join(root, name) }
	for i := range 3 {
		shardOf(t, at(fmt.Sprint(i)), testRun(i, 3, images), -1)
	}
	shardOf(t, at("copy"), testRun(1, 3, images), -1)
	shardOf(t, at("half"), testRun(1, 3, images), 1)
	shardOf(t, at("of2"), testRun(0, 2, images), -1)
	for name, change := range map[string]func(*Run){
		"weights": func(r *Run) { r.Weights = "v" }, "score": func(r *Run) { r.Score = 0.5 },
		"classes": func(r *Run) { r.Classes = nil }, "list": func(r *Run) { r.List = "x" },
	} {
		run := testRun(1, 3, images)
		change(&run)
		shardOf(t, at(name), run, -1)
	}
	for i := range 3 { // whose lists are all the same wrong one
		run := testRun(i, 3, images)
		run.List = "x"
		shardOf(t, at(fmt.Sprint("wrong", i)), run, -1)
	}
	for want, names := range map[string][]string{
		"shard 1/3 is missing: 2 of 3 are named":                   {"0", "2"},
		" are both shard 1/3":                                      {"0", "1", "2", "copy"},
		"predict it with the same command again":                   {"0", "half", "2"},
		"is one of 2 shards, ":                                     {"0", "1", "2", "of2"},
		"predicted with weights v, not w as in":                    {"0", "weights", "2"},
		"predicted with score 0.5, not 0 as in":                    {"0", "score", "2"},
		"predicted with other classes as in":                       {"0", "classes", "2"},
		"predicted with another list of images as in":              {"0", "list", "2"},
		"the images of the shards are not those of the run's list": {"wrong0", "wrong1", "wrong2"},
		"none is not the folder of a shard":                        {"0", "1", "none"},
	} {
		var dirs []string
		for _, name := range names {
			dirs = append(dirs, at(name))
		}
		if _, err := Gather(dirs); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %q", names, err, want)
		}
	}

	set, err := Gather([]string{at("2"), at("0"), at("1")})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(set.owner[0].dir, "labels", "a.png"), []byte("mop"), 0o666); err != nil {
		t.Fatal(err)
	}
	err = set.Merge(t.Context(), predictions.Folder{Dir: t.TempDir(), Task: set.Task}, func(string) error { return nil }, func(int) {})
	if err == nil || !strings.Contains(err.Error(), "a.png is not what manifest.jsonl says: copy the shard's folder again") {
		t.Error(err)
	}
}

func FuzzManifest(f *testing.F) {
	dir := f.TempDir()
	w, err := Open(f.Context(), dir, testRun(0, 1, 3))
	if err != nil {
		f.Fatal(err)
	}
	if err := errors.Join(w.Add(Record{Index: 0, Key: "a"}, write), w.Fail(Record{Index: 1, Key: "b"}, errors.New("no")), w.Close()); err != nil {
		f.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, ManifestName))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add(text[:len(text)-5])
	f.Add([]byte(`{"format":"eomt-shard-1","of":0}` + "\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := scan(bytes.NewReader(text))
		if err != nil {
			return
		}
		if m.size > int64(len(text)) || len(m.images) > m.Images {
			t.Errorf("%d images in %d bytes: %+v", len(m.images), m.size, m.Run)
		}
		for index := range m.images {
			if r, err := m.record(bytes.NewReader(text), index); err != nil || r.check(m.Run) != nil {
				t.Errorf("record %d: %v", index, err)
			}
		}
	})
}
