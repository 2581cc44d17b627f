package segment

import (
	"errors"
	"flag"
	"fmt"

	"eomt/eval/postprocess"
)

// Flags are the command-line flags that name weights and say how to compute with them.
type Flags struct {
	Weights                  string
	Engine, Backend, Devices string // see [Options]
	Task, Config             string
	EMA                      bool // take moving averages
}

// Define defines -weights, -engine, -backend and -ema.
func (f *Flags) Define(set *flag.FlagSet) {
	set.StringVar(&f.Weights, "weights", "", "`PATH` of a run, a checkpoint, a Hugging Face folder or an official pytorch_model.bin; with -engine ort also an exported .onnx file")
	set.StringVar(&f.Engine, "engine", "", "`engine` that computes: graph, or ort, the exported network in ONNX Runtime, which 'make setup ORT=cpu' fetches; ort:openvino, ort:cuda and ort:tensorrt choose its provider")
	set.StringVar(&f.Backend, "backend", "", "xla:cuda, xla:cpu or go; by default GOMLX_BACKEND, otherwise the best available")
	set.BoolVar(&f.EMA, "ema", true, "take the moving averages of a run with train.ema; -ema=false takes the weights of its step")
}

// DefineDevices defines -devices.
func (f *Flags) DefineDevices(set *flag.FlagSet) {
	set.StringVar(&f.Devices, "devices", "all", "`devices` that share out the images: all (every accelerator that is visible; of a processor one), a number of them, or a list such as [0,2]")
}

// DefineTask defines -task and -config, which state what weights may not.
func (f *Flags) DefineTask(set *flag.FlagSet) {
	set.StringVar(&f.Task, "task", "", "panoptic, instance or semantic; by default what the weights were trained for, or panoptic where they do not state it")
	set.StringVar(&f.Config, "config", "", "configuration `FILE` that states task, classes, thresholds and image size where the weights do not")
}

// Check reports the first value that cannot be.
func (f Flags) Check() error {
	switch {
	case f.Weights == "":
		return errors.New("-weights is missing: a run folder, a checkpoint or another file of weights")
	case f.Task != "" && f.Task != "panoptic" && f.Task != "instance" && f.Task != "semantic":
		return fmt.Errorf("-task %s: want panoptic, instance or semantic", f.Task)
	}
	if _, err := ParseEngine(f.Engine); err != nil {
		return fmt.Errorf("-%w", err)
	}
	if err := ParseDevices(f.Devices); err != nil {
		return fmt.Errorf("-%w", err)
	}
	return nil
}

// Options are for [Open].
func (f Flags) Options() Options {
	return Options{Engine: f.Engine, Backend: f.Backend, Devices: f.Devices, Config: f.Config, Task: postprocess.Task(f.Task), Last: !f.EMA}
}
