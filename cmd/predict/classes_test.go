package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"eomt/arch"
	"eomt/checkpoints"
	"eomt/checkpoints/tensor"
	"eomt/data"
	"eomt/data/decode"
)

// runOf writes a run folder of random weights for a state's classes; the class
// head prefers the last one.
func runOf(t *testing.T, state checkpoints.State, classes int, config string) string {
	t.Helper()
	dir := t.TempDir()
	a := arch.Architecture{Width: 32, Blocks: 2, Heads: 2, Hidden: 64, MaskBlocks: 1, Registers: 1, Queries: 6, Classes: classes}
	a = a.ForPatch(8).ForKind(arch.DINOv2)
	a.Grid = [2]int{8, 8}
	var params []tensor.Tensor
	for _, p := range a.Parameters() {
		values := p.Initialize(7)
		if p.Name == "class_head.bias" {
			values[classes-1] = 20
		}
		params = append(params, tensor.FromFloat32s(p.Name, p.Shape, values))
	}
	state.Step, state.Architecture = 1, &a
	store := checkpoints.Store{Dir: filepath.Join(dir, "checkpoints"), Keep: 1}
	_, err := store.Save(checkpoints.Snapshot{State: state, Params: params})
	if err == nil && config != "" {
		err = os.WriteFile(filepath.Join(dir, "config.yaml"), []byte(config), 0o666)
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// Own ids come out as they are, whatever number of classes there is.
func TestOwnClasses(t *testing.T) {
	classes := []data.Class{{ID: 7, Name: "cat", Thing: true}, {ID: 23, Name: "dog", Thing: true}, {ID: 901, Name: "sky"}}
	in, out := put(t, "a.jpg"), filepath.Join(t.TempDir(), "out")
	args := []string{"-backend", "go", "-weights", runOf(t, checkpoints.State{Task: "instance", Classes: classes}, 3, ""), "-out", out}
	if err := run(t.Context(), append(args, in)); err != nil {
		t.Fatal(err)
	}
	var found []struct {
		Category int `json:"category_id"`
	}
	readJSON(t, &found, out, "instances.json")
	var list imageList
	readJSON(t, &list, out, "images.json")
	if len(found) == 0 || found[0].Category != 901 || len(list.Categories) != 3 || list.Categories[1].ID != 23 {
		t.Errorf("%+v, %+v", found, list)
	}

	// 80 classes without a table are not COCO's.
	args = []string{"-backend", "go", "-weights", runOf(t, checkpoints.State{}, 80, ""), "-task", "instance", "-out", out}
	if err := run(t.Context(), append(args, in)); err != nil {
		t.Fatal(err)
	}
	var names struct{ Categories []struct{ Name string } }
	readJSON(t, &names, out, "images.json")
	if len(names.Categories) != 80 || names.Categories[79].Name != "class 79" {
		t.Errorf("%+v", names)
	}
}

// A run without a table in its checkpoint has that of its data set, and its label
// PNGs the data set's ids.
func TestOlderRunOfAFolderDataSet(t *testing.T) {
	root := t.TempDir()
	label, err := decode.EncodeLabels(slices.Repeat([]uint16{0, 5}, 45*41), 90, 41)
	if err != nil {
		t.Fatal(err)
	}
	for name, raw := range map[string][]byte{
		"classes.yaml":     []byte("void: [255]\nclasses:\n  - {id: 0, name: road}\n  - {id: 5, name: car, thing: true}\n"),
		"images/val/a.jpg": photograph(t, 90, 41), "labels/val/a.png": label,
	} {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, raw, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	config := `
name: own
task: semantic
model: {size: custom, image: [64, 64], queries: 6, width: 32, blocks: 2, heads: 2, mlp_hidden: 64, query_blocks: 1, patch: 8, registers: 1}
data: {format: folder, root: ` + root + `}
train: {total_steps: 1}
`
	out := filepath.Join(t.TempDir(), "out")
	if err := run(t.Context(), []string{"-backend", "go", "-weights", runOf(t, checkpoints.State{}, 2, config), "-out", out, put(t, "a.jpg")}); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(filepath.Join(out, "labels", "a.png"))
	if err != nil {
		t.Fatal(err)
	}
	if ids, _, _, err := decode.Labels(raw, "a.png"); err != nil || ids[0] != 5 {
		t.Errorf("labels %v, %v", ids[:1], err)
	}
}
