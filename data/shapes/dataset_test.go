package shapes_test

import (
	"bytes"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"eomt/data"
	"eomt/data/shapes"
)

// Opening generates what is missing, and says where and how much.
func TestOpenSaysWhatItGenerates(t *testing.T) {
	var log bytes.Buffer
	before := slog.Default()
	t.Cleanup(func() { slog.SetDefault(before) })
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	root := filepath.Join(t.TempDir(), "set")
	o := data.OpenOptions{Task: "instance", Root: root, Split: "val", KeepEmpty: true, Shapes: &data.Shapes{Train: 3, Val: 2, Size: 48, Seed: 1}}
	for _, want := range []string{"generating a data set that does not exist yet\" folder=" + root + " images=5 train=3 val=2", ""} {
		log.Reset()
		set, err := shapes.Format.Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		images, classes, ok := shapes.Format.Published(o)
		if !ok || set.Len() != images || len(set.Classes()) != len(classes) {
			t.Errorf("%d images of %d classes, promised %d of %d", set.Len(), len(set.Classes()), images, len(classes))
		}
		if err := set.Close(); err != nil {
			t.Error(err)
		}
		if got := log.String(); !strings.Contains(got, want) || (got == "") != (want == "") {
			t.Errorf("logged %q, want %q", got, want)
		}
	}
	o.Shapes.Seed = 2
	_, err := shapes.Format.Open(t.Context(), o)
	if err == nil || !strings.Contains(err.Error(), "(3 + 2 images of 48 pixels, seed 1, scenes of version 1), not the one asked for (3 + 2 images of 48 pixels, seed 2,") {
		t.Errorf("another seed: %v", err)
	}
}
