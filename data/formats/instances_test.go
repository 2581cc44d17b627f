package formats_test

import (
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"eomt/data"
	"eomt/data/formats"
)

// Targets listed without decoding an image are those that loading gives.
func TestInstancesAreThoseOfLoad(t *testing.T) {
	root := filepath.Join(t.TempDir(), "shapes")
	for _, task := range []string{"panoptic", "instance"} {
		set, err := formats.Open(t.Context(), "shapes", data.OpenOptions{Task: task, Root: root, Split: "train", KeepEmpty: true,
			Shapes: &data.Shapes{Train: 6, Val: 1, Size: 64, Seed: 1}})
		if err != nil {
			t.Fatal(err)
		}
		defer set.Close()
		lister, ok := set.(data.InstanceLister)
		if !ok {
			t.Fatalf("%T lists no instances", set)
		}
		for i := range set.Len() {
			s, err := set.Load(i)
			if err != nil {
				t.Fatal(err)
			}
			listed, err := lister.Instances(i)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(s.Instances, listed); diff != "" || len(listed) == 0 {
				t.Errorf("%s, sample %d: %s", task, i, diff)
			}
		}
	}
}
