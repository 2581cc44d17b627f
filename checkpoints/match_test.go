package checkpoints

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"eomt/arch"
	"eomt/checkpoints/tensor"
)

func threeTensors() ([]arch.Tensor, []tensor.Tensor) {
	var specs []arch.Tensor
	var tensors []tensor.Tensor
	for _, name := range []string{"backbone.a", "backbone.b", "q.weight"} {
		specs = append(specs, arch.Tensor{Name: name, Shape: []int{2, 1}})
		tensors = append(tensors, tensor.FromFloat32s(name, []int{2, 1}, []float32{1, 2}))
	}
	return specs, tensors
}

func TestMatchOrdersByTheModel(t *testing.T) {
	specs, tensors := threeTensors()
	tensors[0], tensors[2] = tensors[2], tensors[0]
	matched, fresh, err := Match(specs, tensors, nil)
	if err != nil || len(fresh) > 0 {
		t.Fatal(fresh, err)
	}
	for i, spec := range specs {
		if matched[i].Name != spec.Name {
			t.Errorf("tensor %d is %s, want %s", i, matched[i].Name, spec.Name)
		}
	}
}

func TestMatchReportsEachDifference(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func([]tensor.Tensor) []tensor.Tensor
		want   MismatchError
		text   string
	}{
		{"removed", func(ts []tensor.Tensor) []tensor.Tensor { return ts[1:] },
			MismatchError{Missing: []string{"backbone.a"}}, "1 missing (backbone.a)"},
		{"renamed", func(ts []tensor.Tensor) []tensor.Tensor { ts[1].Name = "backbone.z"; return ts },
			MismatchError{Missing: []string{"backbone.b"}, Unexpected: []string{"backbone.z"}},
			"1 missing (backbone.b); 1 unexpected (backbone.z)"},
		{"reshaped", func(ts []tensor.Tensor) []tensor.Tensor { ts[2], _ = ts[2].Reshaped(1, 2); return ts },
			MismatchError{Shape: []ShapeMismatch{{"q.weight", []int{1, 2}, []int{2, 1}}}},
			"1 of another shape (q.weight is [1 2], want [2 1])"},
		{"added", func(ts []tensor.Tensor) []tensor.Tensor { return append(ts, ts[0].Renamed("extra")) },
			MismatchError{Unexpected: []string{"extra"}}, "1 unexpected (extra)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			specs, tensors := threeTensors()
			_, _, err := Match(specs, c.change(tensors), nil)
			var mismatch *MismatchError
			if !errors.As(err, &mismatch) {
				t.Fatalf("error %v", err)
			}
			if diff := cmp.Diff(&c.want, mismatch); diff != "" {
				t.Errorf("mismatch differs (-want +got):\n%s", diff)
			}
			if !strings.Contains(err.Error(), c.text) {
				t.Errorf("error %q lacks %q", err, c.text)
			}
		})
	}
}

func TestMatchAllowsNewPrefixes(t *testing.T) {
	specs, tensors := threeTensors()
	tensors[2], _ = tensors[2].Reshaped(1, 2)
	tensors = append(tensors, tensors[2].Renamed("q.bias"))
	matched, fresh, err := Match(specs, tensors, []string{"q."})
	if err != nil {
		t.Fatal(err)
	}
	if len(matched) != 2 || !cmp.Equal(fresh, []string{"q.weight"}) {
		t.Errorf("matched %v, fresh %v", matched, fresh)
	}
}

func TestMismatchNamesAtMostFour(t *testing.T) {
	err := &MismatchError{Missing: []string{"a", "b", "c", "d", "e", "f"}}
	if !strings.Contains(err.Error(), "6 missing (a, b, c, d, and 2 more)") {
		t.Error(err)
	}
}
