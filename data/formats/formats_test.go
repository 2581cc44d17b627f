package formats_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"eomt/data"
	"eomt/data/formats"
)

// Every format is described in full.
func TestDescriptors(t *testing.T) {
	known := []string{"panoptic", "instance", "semantic"}
	for _, name := range formats.Names() {
		f, err := formats.Named(name)
		if err != nil || f.Name != name || len(f.Tasks) == 0 || f.Open == nil || f.Published == nil {
			t.Errorf("%s: an incomplete descriptor, %v", name, err)
			continue
		}
		for _, task := range f.Tasks {
			if !slices.Contains(known, task) {
				t.Errorf("%s: unknown task %q", name, task)
			}
			checkPublished(t, f, task)
		}
		for _, task := range known {
			_, err := formats.Open(t.Context(), name, data.OpenOptions{Task: task, Root: "gone", Split: "val"})
			want := "gone does not exist"
			if !slices.Contains(f.Tasks, task) {
				want = "has no targets for task"
			}
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s %s: %v lacks %q", name, task, err, want)
			}
		}
	}
	if _, err := formats.Named("voc"); err == nil || !strings.Contains(err.Error(), `unknown format "voc": want one of ["coco"`) {
		t.Error(err)
	}
}

// What is published is the same table for both splits, under distinct ids and names.
func checkPublished(t *testing.T, f data.Format, task string) {
	t.Helper()
	o := data.OpenOptions{Task: task, Split: "train", Shapes: &data.Shapes{Train: 3, Val: 2}}
	images, train, ok := f.Published(o)
	if !ok {
		return
	}
	o.Split = "val"
	fewer, val, _ := f.Published(o)
	if images <= fewer || fewer <= 0 {
		t.Errorf("%s %s: %d training and %d validation images", f.Name, task, images, fewer)
	}
	if err := data.CompareClasses(train, val); err != nil {
		t.Errorf("%s %s: %v", f.Name, task, err)
	}
	ids, names := map[int]bool{}, map[string]bool{}
	for _, c := range train {
		ids[c.ID], names[c.Name] = true, true
		if task == "instance" && !c.Thing {
			t.Errorf("%s instance: %s is not a thing", f.Name, c.Name)
		}
	}
	if len(ids) != len(train) || len(names) != len(train) {
		t.Errorf("%s %s: %d classes with %d ids and %d names", f.Name, task, len(train), len(ids), len(names))
	}
}

// The size of the user's own files is not published.
func TestOwnFilesHaveNoPublishedSize(t *testing.T) {
	for _, o := range []data.OpenOptions{
		{Task: "instance", Split: "train", Files: data.Files{Annotations: "mine.json"}},
		{Task: "panoptic", Split: "train", Files: data.Files{Annotations: "mine.json"}},
	} {
		f, err := formats.Named("coco")
		if err != nil {
			t.Fatal(err)
		}
		if n, _, ok := f.Published(o); ok {
			t.Errorf("%s: %d images", o.Task, n)
		}
	}
}

// The tables of an opened data set are those promised, and the same for both splits.
func TestOpenedTables(t *testing.T) {
	f, err := formats.Named("shapes")
	if err != nil {
		t.Fatal(err)
	}
	root := filepath.Join(t.TempDir(), "set")
	for _, task := range f.Tasks {
		for _, split := range []string{"train", "val"} {
			o := data.OpenOptions{Task: task, Root: root, Split: split, KeepEmpty: true, Shapes: &data.Shapes{Train: 2, Val: 1, Size: 48}}
			set, err := formats.Open(t.Context(), "shapes", o)
			if err != nil {
				t.Fatal(err)
			}
			defer set.Close()
			_, want, _ := f.Published(o)
			if err := data.CompareClasses(want, set.Classes()); err != nil {
				t.Errorf("%s %s: %v", task, split, err)
			}
		}
	}
}
