package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"eomt/data"
	"eomt/data/rle"
	"eomt/eval/inference"
	"eomt/eval/postprocess"
	"eomt/eval/predictions"
)

func readJSON(t *testing.T, into any, path ...string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(path...))
	if err == nil {
		err = json.Unmarshal(text, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// imageList is images.json.
type imageList struct {
	Images []struct {
		ID            int
		File          string `json:"file_name"`
		Width, Height int
	}
	Categories []struct{ ID int }
}

// put writes photographs under names into a new folder; a name with "cut" in it
// becomes a broken file.
func put(t *testing.T, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range names {
		raw := photograph(t, 90, 41)
		if strings.Contains(name, "cut") {
			raw = raw[:400]
		}
		if err := os.WriteFile(filepath.Join(dir, name), raw, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// One broken photo loses nothing of the others, whose numbers stay; the exit code
// tells.
func TestBrokenPhotosAreSkipped(t *testing.T) {
	weights, in, out := tinyRun(t), put(t, "a.jpg", "b-cut.jpg", "c.jpg"), filepath.Join(t.TempDir(), "out")
	err := run(t.Context(), []string{"-backend", "go", "-weights", weights, "-out", out, in})
	if err == nil || !strings.Contains(err.Error(), "1 of 3 images could not be read: "+filepath.Join(out, "failed.json")) {
		t.Errorf("%v", err)
	}
	var failed []struct{ File, Error string }
	readJSON(t, &failed, out, "failed.json")
	if len(failed) != 1 || failed[0].File != filepath.Join(in, "b-cut.jpg") || !strings.Contains(failed[0].Error, "truncated JPEG") {
		t.Errorf("%+v", failed)
	}
	var list imageList
	readJSON(t, &list, out, "images.json")
	if len(list.Images) != 2 || list.Images[1].ID != 3 || list.Images[1].File != "c.jpg" || list.Images[1].Width != 41 || len(list.Categories) == 0 {
		t.Errorf("%+v", list)
	}
	var maps struct {
		Annotations []struct {
			Image int `json:"image_id"`
		}
	}
	readJSON(t, &maps, out, "panoptic.json")
	if len(maps.Annotations) != 2 || maps.Annotations[1].Image != 3 {
		t.Errorf("%+v", maps)
	}
}

// A later run leaves no result of an earlier one behind, and all other files.
func TestStaleResultsAreRemoved(t *testing.T) {
	weights, in, out := tinyRun(t), put(t, "a.jpg", "b.jpg"), filepath.Join(t.TempDir(), "out")
	args := []string{"-backend", "go", "-weights", weights, "-out", out}
	if err := run(t.Context(), append(args, in)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(out, "overlays", "mine.png"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := run(t.Context(), append(args, "-task", "semantic", filepath.Join(in, "b.jpg"))); err != nil {
		t.Fatal(err)
	}
	var left []string
	if err := filepath.WalkDir(out, func(path string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			name, _ := filepath.Rel(out, path)
			left = append(left, filepath.ToSlash(name))
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if want := []string{"images.json", "labels/b.png", "overlays/b.jpg", "overlays/mine.png", "predict.files"}; !slices.Equal(left, want) {
		t.Errorf("left %v, want %v", left, want)
	}
}

// A run that is killed leaves its temporary file; the next one removes it.
func TestLeftoverOfAKilledRunIsRemoved(t *testing.T) {
	o := testOutput(t, postprocess.TaskInstance, 1)
	if err := o.manifest.Close(); err != nil { // the kill
		t.Fatal(err)
	}
	next, err := newOutput(o.folder, o.photos, 0.5)
	if err != nil {
		t.Fatal(err)
	}
	if err := next.finish(); err != nil {
		t.Fatal(err)
	}
	if left, _ := filepath.Glob(filepath.Join(o.folder.Dir, ".*")); left != nil {
		t.Errorf("left %v", left)
	}
}

// A pipe among the photos is skipped like a broken one: reading it might never end.
func TestPipeIsSkipped(t *testing.T) {
	in, out := put(t, "a.jpg"), filepath.Join(t.TempDir(), "out")
	if err := syscall.Mkfifo(filepath.Join(in, "b.jpg"), 0o666); err != nil {
		t.Skip(err)
	}
	err := run(t.Context(), []string{"-backend", "go", "-weights", tinyRun(t), "-out", out, in})
	if err == nil || !strings.Contains(err.Error(), "1 of 2 images could not be read") {
		t.Fatal(err)
	}
	var failed []struct{ File, Error string }
	readJSON(t, &failed, out, "failed.json")
	if len(failed) != 1 || !strings.HasSuffix(failed[0].Error, "b.jpg: not a regular file") {
		t.Errorf("%+v", failed)
	}
}

// testOutput is an output of n images in a new folder.
func testOutput(t *testing.T, task postprocess.Task, n int) *output {
	t.Helper()
	list := make(photos, n)
	for i := range list {
		list[i].Name = string(rune('a'+i)) + ".png"
	}
	classes := []data.Class{{ID: 7, Name: "cat", Thing: true}}
	o, err := newOutput(predictions.Folder{Dir: filepath.Join(t.TempDir(), "out"), Task: task, Classes: classes}, list, 0.5)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// An interrupted run keeps what is done in valid files.
func TestInterruptedKeepsWhatIsDone(t *testing.T) {
	o := testOutput(t, postprocess.TaskInstance, 4)
	mask := rle.Encode([]uint8{1, 0}, 1, 2)
	for _, i := range []int{2, 0} { // as they become ready
		err := o.take(inference.Result{Index: i, Sample: &data.Sample{Image: data.NewRGB(2, 1)}, Segmentation: postprocess.Segmentation{Task: postprocess.TaskInstance,
			Instances: []postprocess.Detection{{Score: 0.9, Mask: mask}, {Score: 0, Mask: rle.Mask{H: 1, W: 2, Counts: []uint32{2}}}}}})
		if err != nil {
			t.Fatal(err)
		}
	}
	stopped := errors.New("interrupt")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(stopped)
	if err := o.finish(); err != nil {
		t.Fatal(err)
	}
	if err := o.verdict(ctx, stopped); !errors.Is(err, stopped) || !strings.Contains(err.Error(), "stopped after 2 of 4 images, which are in ") {
		t.Errorf("%v", err)
	}
	if err := o.verdict(t.Context(), stopped); err == nil || !strings.Contains(err.Error(), "failed after 2 of 4 images") {
		t.Errorf("%v", err)
	}
	var found []struct {
		Image    int `json:"image_id"`
		Category int `json:"category_id"`
		Score    float64
	}
	readJSON(t, &found, o.folder.Dir, "instances.json")
	if len(found) != 2 || found[0].Image != 1 || found[1].Image != 3 || found[0].Category != 7 || found[0].Score != 0.9 {
		t.Errorf("in order and without empty detections: %+v", found)
	}
	var list imageList
	readJSON(t, &list, o.folder.Dir, "images.json")
	if len(list.Images) != 2 || list.Images[1].File != "c.png" || list.Categories[0].ID != 7 {
		t.Errorf("%+v", list)
	}
}

// Ctrl-C before the first image leaves empty lists that can be read.
func TestInterruptedAtOnce(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	out := filepath.Join(t.TempDir(), "out")
	err := run(ctx, []string{"-backend", "go", "-weights", tinyRun(t), "-out", out, put(t, "a.jpg")})
	if err == nil || !strings.Contains(err.Error(), "stopped after 0 of 1 images") {
		t.Errorf("%v", err)
	}
	var maps struct{ Annotations []any }
	readJSON(t, &maps, out, "panoptic.json")
}

// A signal in the middle of a run keeps the images that are done; the same lists
// are valid.
func TestInterruptedInTheMiddle(t *testing.T) {
	names := make([]string, 40)
	for i := range names {
		names[i] = fmt.Sprintf("%02d.jpg", i)
	}
	ctx, cancel := context.WithCancel(t.Context())
	out := filepath.Join(t.TempDir(), "out")
	go func() {
		defer cancel()
		for done := []string(nil); len(done) < 3 && ctx.Err() == nil; time.Sleep(time.Millisecond) {
			done, _ = filepath.Glob(filepath.Join(out, "overlays", "*"))
		}
	}()
	err := run(ctx, []string{"-backend", "go", "-weights", tinyRun(t), "-out", out, put(t, names...)})
	if err == nil || !strings.Contains(err.Error(), "of 40 images, which are in "+out) {
		t.Errorf("%v", err)
	}
	var maps struct{ Annotations []any }
	readJSON(t, &maps, out, "panoptic.json")
	var list imageList
	readJSON(t, &list, out, "images.json")
	if n := len(list.Images); n < 3 || n == 40 || len(maps.Annotations) != n {
		t.Errorf("%d images, %d annotations", n, len(maps.Annotations))
	}
}
