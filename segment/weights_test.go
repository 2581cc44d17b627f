package segment_test

import (
	"image"
	"image/png"
	"log"
	"os"
	"path/filepath"
	"testing"

	"eomt/arch"
	"eomt/checkpoints"
	"eomt/checkpoints/tensor"
	"eomt/data"
)

// scratch is a folder for the example's files.
var scratch string

func TestMain(m *testing.M) {
	var err error
	if scratch, err = os.MkdirTemp("", "segment"); err != nil {
		log.Fatal(err)
	}
	code := m.Run()
	os.RemoveAll(scratch)
	os.Exit(code)
}

// table is a class table whose ids are no indices.
var table = []data.Class{
	{ID: 7, Name: "cat", Thing: true, Color: data.Color(0)},
	{ID: 23, Name: "sky", Color: data.Color(1)},
	{ID: 901, Name: "kite", Thing: true, Color: data.Color(2)},
}

// tiny is an architecture small enough to run in moments.
func tiny() arch.Architecture {
	a := arch.Architecture{Width: 32, Blocks: 2, Heads: 2, Hidden: 64, MaskBlocks: 1, Registers: 1, Queries: 6, Classes: len(table)}
	a = a.ForPatch(8).ForKind(arch.DINOv2)
	a.Grid = [2]int{8, 8}
	return a
}

// tensorsOf are random weights whose class head prefers class 1.
func tensorsOf(a arch.Architecture) []tensor.Tensor {
	var params []tensor.Tensor
	for _, p := range a.Parameters() {
		values := p.Initialize(7)
		if p.Name == "class_head.bias" {
			values[1] = 20
		}
		params = append(params, tensor.FromFloat32s(p.Name, p.Shape, values))
	}
	return params
}

// save writes a checkpoint of tiny below dir.
func save(dir string, state checkpoints.State) error {
	a := tiny()
	state.Step, state.Architecture = 1, &a
	store := checkpoints.Store{Dir: filepath.Join(dir, "checkpoints"), Keep: 1}
	_, err := store.Save(checkpoints.Snapshot{State: state, Params: tensorsOf(a)})
	return err
}

// exampleFiles makes weights for semantic segmentation and a photograph of 40 x 30 pixels.
func exampleFiles() (weights, photo string) {
	dir := filepath.Join(scratch, "run")
	err := save(dir, checkpoints.State{Task: "semantic", Classes: table})
	photo = filepath.Join(dir, "photo.png")
	var file *os.File
	if err == nil {
		file, err = os.Create(photo)
	}
	if err == nil {
		err = png.Encode(file, image.NewGray(image.Rect(0, 0, 40, 30)))
	}
	if err == nil {
		err = file.Close()
	}
	if err != nil {
		log.Fatal(err)
	}
	return dir, photo
}
