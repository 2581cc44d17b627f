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
	network     segment.Flags
	out         string
	score       float64
	shard       *shards.Shard // nil predicts all
	maxFailures int
	paths       []string
}

func parse(args []string) (options, error) {
	var o options
	var shard string
	f := cli.Flags("predict", "go run ./cmd/predict -weights PATH -out DIR [-task panoptic|instance|semantic] [-shard i/n] IMAGE|DIR|TAR|s3://BUCKET/PREFIX ...\n       go run ./cmd/predict merge -out DIR SHARD_DIR ...",
		"go run ./cmd/predict -weights runs/quickstart -out predictions photo.jpg holidays/\n  go run ./cmd/predict -weights runs/quickstart -out shards/0 -shard 0/3 's3://bucket/photos' 'set-{000..012}.tar'")
	o.network.Define(f)
	o.network.DefineDevices(f)
	o.network.DefineTask(f)
	f.StringVar(&o.out, "out", "", "`folder` for overlays/, the predictions in the official formats and images.json, which has the file name of each image id; an earlier run's results there are removed")
	f.Float64Var(&o.score, "score", -1, "least `score`, 0 to 1, of panoptic segments (by default the run's or configuration's, otherwise 0.8), and of instances that are drawn (0.5; the results list has all)")
	f.StringVar(&shard, "shard", "", shards.Usage)
	f.IntVar(&o.maxFailures, "max-failures", 0, maxFailuresUsage)
	if err := cli.Parse(f, args); err != nil {
		return o, err
	}
	if err := o.network.Check(); err != nil {
		return o, cli.Usagef("%v", err)
	}
	o.paths = f.Args()
	switch {
	case o.out == "":
		return o, cli.Usagef("-out is missing: the folder for the predictions")
	case len(o.paths) == 0:
		return o, cli.Usagef("name at least one image, folder, tar or bucket of images, behind all flags")
	case o.score != -1 && !(o.score >= 0 && o.score <= 1):
		return o, cli.Usagef("-score %v: want 0 to 1", o.score)
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
