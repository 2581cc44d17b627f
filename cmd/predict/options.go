package main

import (
	"os"

	"eomt/eval/shards"
	"eomt/internal/cli"
	"eomt/segment"
)

// defaultDrawn is the least score of instances that are drawn.
const defaultDrawn = 0.5

const maxFailuresUsage = "`number` of images of a shard that may fail; with more the exit code is 3. -1 is any"

// options are the command line.
type options struct {
	weights, out, task, config string
	engine, backend, devices   string
	score                      float64
	ema                        bool
	shard                      *shards.Shard // nil predicts all
	maxFailures                int
	paths                      []string
}

func parse(args []string) (options, error) {
	var o options
	var shard string
	f := cli.Flags("predict", "go run ./cmd/predict -weights PATH -out DIR [-task panoptic|instance|semantic] [-shard i/n] IMAGE|DIR|TAR|s3://BUCKET/PREFIX ...\n       go run ./cmd/predict merge -out DIR SHARD_DIR ...",
		"go run ./cmd/predict -weights runs/quickstart -out predictions photo.jpg holidays/\n  go run ./cmd/predict -weights runs/quickstart -out shards/0 -shard 0/3 's3://bucket/photos' 'set-{000..012}.tar'")
	f.StringVar(&o.weights, "weights", "", "`PATH` of a run, a checkpoint, a Hugging Face folder or an official pytorch_model.bin; with -engine ort also an exported .onnx file")
	f.StringVar(&o.out, "out", "", "`folder` for overlays/, the predictions in the official formats and images.json, which has the file name of each image id; an earlier run's results there are removed")
	f.StringVar(&o.task, "task", "", "panoptic, instance or semantic; by default what the weights were trained for, or panoptic where they do not state it")
	f.StringVar(&o.config, "config", "", "configuration `FILE` that states task, classes, thresholds and image size where the weights do not")
	f.Float64Var(&o.score, "score", -1, "least `score`, 0 to 1, of panoptic segments (by default the run's or configuration's, otherwise 0.8), and of instances that are drawn (0.5; the results list has all)")
	f.BoolVar(&o.ema, "ema", true, "take the moving averages of a run with train.ema; -ema=false takes the weights of its step")
	f.StringVar(&shard, "shard", "", shards.Usage)
	f.IntVar(&o.maxFailures, "max-failures", 0, maxFailuresUsage)
	f.StringVar(&o.engine, "engine", "", segment.EngineUsage)
	f.StringVar(&o.devices, "devices", "all", segment.DevicesUsage)
	f.StringVar(&o.backend, "backend", "", "xla:cuda, xla:cpu or go; by default GOMLX_BACKEND, otherwise the best available")
	if err := cli.Parse(f, args); err != nil {
		return o, err
	}
	o.paths = f.Args()
	switch {
	case o.weights == "":
		return o, cli.Usagef("-weights is missing: a run folder, a checkpoint or another file of weights")
	case o.out == "":
		return o, cli.Usagef("-out is missing: the folder for the predictions")
	case len(o.paths) == 0:
		return o, cli.Usagef("name at least one image, folder, tar or bucket of images, behind all flags")
	case o.score != -1 && !(o.score >= 0 && o.score <= 1):
		return o, cli.Usagef("-score %v: want 0 to 1", o.score)
	case o.task != "" && o.task != "panoptic" && o.task != "instance" && o.task != "semantic":
		return o, cli.Usagef("-task %s: want panoptic, instance or semantic", o.task)
	}
	if _, err := segment.ParseEngine(o.engine); err != nil {
		return o, cli.Usagef("-%v", err)
	}
	if err := segment.ParseDevices(o.devices); err != nil {
		return o, cli.Usagef("-%v", err)
	}
	if shard == "" && o.maxFailures != 0 {
		return o, cli.Usagef("-max-failures goes with -shard")
	}
	if shard != "" {
		s, err := shards.Parse(shard, os.Getenv)
		if err != nil {
			return o, cli.Usagef("-%v", err)
		}
		o.shard = &s
	}
	return o, nil
}
