package experiment

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/core/tensors"

	"eomt/arch"
	"eomt/checkpoints/tensor"
	"eomt/checkpoints/weights"
)

// A run that starts from a network of other classes has a new class head and keeps
// everything else to the bit; it says so, and what to set where that was not asked for.
func TestStartFromOtherClasses(t *testing.T) {
	path, _ := tiny(t)
	base := filepath.Join(t.TempDir(), "base")
	c := read(t, path)
	a, err := c.Model.Architecture(20)
	if err != nil {
		t.Fatal(err)
	}
	if err := weights.Random(a, 7).WriteNative(base); err != nil {
		t.Fatal(err)
	}
	_, _, err = open(t, read(t, path, "weights="+base), Options{Dir: filepath.Join(t.TempDir(), "run")})
	if want := "classes is 20 in the weights and 8 in the network (take the data set they were trained on, or new_parameters: [class_head.] to train other classes)"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v lacks %q", err, want)
	}

	run, notes, err := open(t, read(t, path, "weights="+base, "new_parameters=[class_head.]", "seed=3"), Options{Dir: filepath.Join(t.TempDir(), "run")})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"0 resized, 2 initialised at random (class_head 2)\n", "the class head starts from scratch: the weights were trained on 20 classes, the data set has 8\n"} {
		if !strings.Contains(notes, want) {
			t.Errorf("%q lacks %q", notes, want)
		}
	}
	stored, err := weights.Open(base)
	if err != nil {
		t.Fatal(err)
	}
	defer stored.Close()
	before := tensor.ByName(stored.Tensors)
	for i, p := range run.Architecture.Parameters() {
		want := p.Initialize(3)
		if !strings.HasPrefix(p.Name, "class_head.") {
			if want, err = before[p.Name].Float32s(); err != nil {
				t.Fatal(err)
			}
		}
		if got := tensors.MustCopyFlatData[float32](run.State.Params[i]); !slices.Equal(got, want) {
			t.Errorf("%s does not start as it should", p.Name)
		}
		if p.Name == arch.ClassWeight && p.Shape[0] != 9 {
			t.Errorf("the class head is %v", p.Shape)
		}
	}
}
