package weights

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"eomt/arch"
	"eomt/checkpoints"
	"eomt/checkpoints/tensor"
	"eomt/data"
)

// random is a model of random weights.
func random(a arch.Architecture) *Model {
	m := &Model{Architecture: a, MaskProbs: make([]float32, a.MaskBlocks)}
	for _, p := range a.Parameters() {
		m.Tensors = append(m.Tensors, tensor.FromFloat32s(p.Name, p.Shape, p.Initialize(3)))
	}
	return m
}

var fourClasses = []data.Class{
	{ID: 7, Name: "cat", Thing: true, Color: [3]uint8{1, 2, 3}}, {ID: 23, Name: "sky", Color: [3]uint8{4, 5, 6}},
	{ID: 901, Name: "dog", Thing: true}, {ID: 902, Name: "grass"},
}

func readJSON(t *testing.T, path string) map[string]any {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(text, &fields); err != nil {
		t.Fatal(err)
	}
	return fields
}

// Ids, names, things, colours, task and thresholds survive a way through each
// format that has a place for them.
func TestClassTableSurvives(t *testing.T) {
	m := random(with(tinyDINOv2, eomt))
	m.Task, m.Classes = "panoptic", fourClasses
	m.Labels = []string{"cat", "sky", "dog", "grass"}
	m.Thresholds = &checkpoints.Thresholds{Score: .6, Overlap: .7, TopK: 50}
	for name, write := range map[string]func(*Model, string) error{"hf": (*Model).WriteHF, "native": (*Model).WriteNative} {
		dir := filepath.Join(t.TempDir(), name)
		if err := write(m, dir); err != nil {
			t.Fatal(err)
		}
		again, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer again.Close()
		got := []any{again.Task, again.Classes, again.Labels, again.Thresholds}
		if diff := cmp.Diff([]any{m.Task, m.Classes, m.Labels, m.Thresholds}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if name != "hf" {
			continue
		}
		config := readJSON(t, filepath.Join(dir, configName))
		if diff := cmp.Diff(map[string]any{"0": "cat", "1": "sky", "2": "dog", "3": "grass"}, config["id2label"]); diff != "" {
			t.Errorf("id2label (-want +got):\n%s", diff)
		}
		// Trained on in transformers with other classes: the old table is not theirs.
		config["id2label"] = map[string]string{"0": "a", "1": "b", "2": "c", "3": "d"}
		text, err := json.Marshal(config)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, configName), text, 0o666); err != nil {
			t.Fatal(err)
		}
		other, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer other.Close()
		if other.Classes != nil || strings.Join(other.Labels, "") != "abcd" {
			t.Errorf("other labels beside an old table: %v, %v", other.Classes, other.Labels)
		}
	}
}

// A class table of another length than the class head is refused, not cut to fit.
func TestClassTableOfAnotherLength(t *testing.T) {
	m := random(with(tinyDINOv2, eomt))
	m.SetClasses(fourClasses[:3])
	dir := t.TempDir()
	if err := m.WriteNative(dir); err != nil {
		t.Fatal(err)
	}
	_, err := Open(dir)
	wantError(t, err, dir, "state lists 3 classes, its tensors have 4")
}

// The preprocessing file says what this project does: padded squares, or windows
// for semantic segmentation.
func TestProcessor(t *testing.T) {
	for task, want := range map[string]struct {
		longest    any
		pad, split bool
	}{"panoptic": {64.0, true, false}, "instance": {64.0, true, false}, "": {64.0, true, false}, "semantic": {nil, false, true}} {
		m := random(with(tinyDINOv2, eomt))
		m.Task = task
		dir := t.TempDir()
		if err := m.WriteHF(dir); err != nil {
			t.Fatal(err)
		}
		fields := readJSON(t, filepath.Join(dir, processorName))
		if diff := cmp.Diff(map[string]any{"shortest_edge": 64.0, "longest_edge": want.longest}, fields["size"]); diff != "" {
			t.Errorf("%s: size (-want +got):\n%s", task, diff)
		}
		if fields["do_pad"] != want.pad || fields["do_split_image"] != want.split || fields["image_processor_type"] != "EomtImageProcessor" {
			t.Errorf("%s: %v", task, fields)
		}
		if diff := cmp.Diff([]any{.485, .456, .406}, fields["image_mean"]); diff != "" {
			t.Errorf("mean (-want +got):\n%s", diff)
		}
	}
}

// transformers stores register tokens without elements where there are none.
func TestNoRegistersThroughTransformersFormat(t *testing.T) {
	for _, kind := range []arch.Kind{arch.DINOv2, arch.DINOv3} {
		a := with(tinyDINOv2, eomt).ForKind(kind)
		a.Registers = 0
		m, dir := random(a), t.TempDir()
		if err := m.WriteHF(dir); err != nil {
			t.Fatal(err)
		}
		raw, err := OpenFile(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer raw.Close()
		if empty, ok := tensor.ByName(raw.Tensors)["embeddings.register_tokens"]; !ok || empty.Elements() != 0 {
			t.Errorf("%s: register tokens written as %v, want them without elements", kind, empty)
		}
		again, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer again.Close()
		if diff := cmp.Diff(a, again.Architecture); diff != "" {
			t.Errorf("%s (-want +got):\n%s", kind, diff)
		}
	}
}

// A backbone without registers says what to set where the network has some.
func TestBackboneWithoutRegisters(t *testing.T) {
	m, err := Open(reference("hf-dinov2-swiglu"))
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	wanted := with(m.Architecture, func(a *arch.Architecture) { eomt(a); a.Registers = 4 })
	_, _, err = m.Fit(wanted, wanted.HeadNames())
	wantError(t, err, "registers is 0 in the weights and 4 in the network (set model.registers=0)")
	wanted.Registers = 0
	if _, _, err = m.Fit(wanted, wanted.HeadNames()); err != nil {
		t.Error(err)
	}
}
