package predictions

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"eomt/data"
	"eomt/data/rle"
	"eomt/eval/postprocess"
)

var classes = []data.Class{{ID: 7, Name: "cat", Thing: true}, {ID: 901, Name: "sky"}}

// segmentations of a 3 x 2 image.
var segmentations = map[postprocess.Task]postprocess.Segmentation{
	postprocess.TaskPanoptic: {Task: postprocess.TaskPanoptic, Panoptic: &postprocess.PanopticMap{W: 3, H: 2, IDs: []uint32{1, 1, 2, 2, 0, 2},
		Segments: []postprocess.Segment{{ID: 1, Class: 1, Score: 0.5, Area: 2}, {ID: 2, Class: 0, Score: 0.25, Area: 3}}}},
	postprocess.TaskInstance: {Task: postprocess.TaskInstance, Instances: []postprocess.Detection{
		{Class: 1, Score: 0.5, Mask: rle.Encode([]uint8{1, 0, 0, 1, 0, 0}, 2, 3)}, {Class: 0, Score: 0.25, Mask: rle.Encode([]uint8{0, 0, 1, 1, 0, 1}, 2, 3)}}},
	postprocess.TaskSemantic: {Task: postprocess.TaskSemantic, Semantic: &postprocess.Labels{W: 3, H: 2, Pix: []uint16{0, 1, 1, 0, 0, 1}}},
}

// What is written is read back, and the files hold the class table's ids.
func TestRoundTrip(t *testing.T) {
	info := data.ImageInfo{ImageID: 12, Name: "more/photo.jpg", W: 3, H: 2}
	for task, want := range segmentations {
		t.Run(string(task), func(t *testing.T) {
			f := Folder{Dir: t.TempDir(), Task: task, Classes: classes}
			if err := f.Make(); err != nil {
				t.Fatal(err)
			}
			spool, err := NewSpool(f.Dir)
			if err != nil {
				t.Fatal(err)
			}
			entry, err := f.Write(info, want)
			if err != nil {
				t.Fatal(err)
			}
			if err := spool.Add(4, entry); err != nil {
				t.Fatal(err)
			}
			if err := f.Finish([]data.ImageInfo{info}, func(int) (json.RawMessage, error) { return spool.Entry(4) }); err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(f.WriteImages([]data.ImageInfo{info}), spool.Close()); err != nil {
				t.Fatal(err)
			}
			got, err := f.Read(info, entry)
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Errorf("%v %s", err, diff)
			}
			list := f.List()
			if text, err := os.ReadFile(filepath.Join(f.Dir, list)); list != "" &&
				(err != nil || !json.Valid(text) || !strings.Contains(string(text), `"category_id":901`) || !strings.Contains(string(text), `"image_id":12`)) {
				t.Errorf("%s: %v\n%s", list, err, text)
			}
			if text, err := os.ReadFile(filepath.Join(f.Dir, ImagesJSON)); err != nil || !strings.Contains(string(text), `"file_name": "more/photo.jpg"`) {
				t.Errorf("%v\n%s", err, text)
			}
			if left, err := filepath.Glob(filepath.Join(f.Dir, ".*")); err != nil || len(left) > 0 {
				t.Errorf("left: %v, %v", left, err)
			}
			f.Classes = classes[:1]
			if _, err := f.Read(info, entry); err == nil || !strings.Contains(err.Error(), "read more/photo.jpg") || !strings.Contains(err.Error(), "unknown category 901") {
				t.Errorf("another class table: %v", err)
			}
			if _, err := (Folder{Dir: t.TempDir(), Task: task}).Read(info, nil); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("not kept: %v", err)
			}
		})
	}
}

// Names that lead out of the folder are cut to their last part.
func TestNamesStayInside(t *testing.T) {
	f := Folder{Task: postprocess.TaskSemantic}
	for name, want := range map[string]string{"a/b.jpg": "labels/a/b.png", "../../b.jpg": "labels/b.png", "/etc/b.tar.gz": "labels/b.tar.png", "b": "labels/b.png"} {
		if got := filepath.ToSlash(f.File(name)); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

// A PNG that is not of its annotation is an error, whatever it holds.
func TestForeignMap(t *testing.T) {
	f := Folder{Dir: t.TempDir(), Task: postprocess.TaskPanoptic, Classes: classes}
	info := data.ImageInfo{ImageID: 12, Name: "photo.jpg"}
	if err := f.Make(); err != nil {
		t.Fatal(err)
	}
	entry, err := f.Write(info, segmentations[f.Task])
	if err != nil {
		t.Fatal(err)
	}
	for old, want := range map[string]string{`{"id":1,`: "want ids from 1, ascending", `{"id":2,"category_id":7,"area":3,"score":0.25}`: "pixels of segment 2, which is not in the JSON"} {
		changed := strings.Replace(string(entry), old, `{"id":9,`, 1)
		if old[6] == '2' {
			changed = strings.Replace(string(entry), ","+old, "", 1)
		}
		if _, err := f.Read(info, json.RawMessage(changed)); changed == string(entry) || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q in it", changed, err, want)
		}
	}
}

// Entries come from files that anybody may have changed.
func FuzzRead(f *testing.F) {
	dir := f.TempDir()
	info := data.ImageInfo{ImageID: 12, Name: "photo.jpg"}
	for task, s := range segmentations {
		folder := Folder{Dir: dir, Task: task, Classes: classes}
		if err := folder.Make(); err != nil {
			f.Fatal(err)
		}
		entry, err := folder.Write(info, s)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(task), []byte(entry))
	}
	f.Fuzz(func(t *testing.T, task string, entry []byte) {
		folder := Folder{Dir: dir, Task: postprocess.Task(task), Classes: classes}
		s, err := folder.Read(info, entry)
		if err == nil && s.Panoptic != nil {
			s.Targets(data.NewRGB(s.Panoptic.W, s.Panoptic.H), 0)
		}
	})
}

func TestRefuses(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := (Folder{Dir: file}).Make(); err == nil || !strings.Contains(err.Error(), "predictions: make folder: ") {
		t.Errorf("a file as folder: %v", err)
	}
	wide := Folder{Dir: t.TempDir(), Task: postprocess.TaskSemantic, Classes: []data.Class{{ID: 65536, Name: "sky"}}}
	if err := wide.Make(); err == nil || !strings.Contains(err.Error(), `class "sky" has the id 65536: label PNGs hold ids of 0 to 65535`) {
		t.Errorf("wide ids: %v", err)
	}
	f := Folder{Dir: t.TempDir(), Task: postprocess.TaskInstance}
	broken := errors.New("lost")
	err := f.Finish([]data.ImageInfo{{}}, func(int) (json.RawMessage, error) { return nil, broken })
	if !errors.Is(err, broken) || !strings.Contains(err.Error(), "predictions: write instances.json") {
		t.Errorf("a lost entry: %v", err)
	}
	if left, err := os.ReadDir(f.Dir); err != nil || len(left) > 0 {
		t.Errorf("left of a list that failed: %v, %v", left, err)
	}
	spool, err := NewSpool(f.Dir)
	if err != nil {
		t.Fatal(err)
	}
	defer spool.Close()
	if _, err := spool.Entry(3); err == nil || !strings.Contains(err.Error(), "no entry 3") {
		t.Errorf("an unknown entry: %v", err)
	}
	if _, err := NewSpool(file); err == nil {
		t.Error("a spool in a file")
	}
}
