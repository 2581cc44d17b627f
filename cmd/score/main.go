// Command score scores prediction files in the official formats, without a
// model: a drop-in for panopticapi's, pycocotools' and the semantic benchmarks'
// evaluation. The table goes to standard output, progress to standard error.
package main

import (
	"context"
	"flag"
	"fmt"

	"eomt/internal/cli"
)

const usage = `Usage: score panoptic -gt JSON -gt-dir DIR -pred JSON -pred-dir DIR [-protocol exact|upstream|both] [-json FILE]
       score instance -gt JSON -pred RESULTS.json [-protocol exact|upstream|both] [-boundary] [-json FILE]
       score semantic -gt-dir DIR -pred-dir DIR -dataset ade20k|cityscapes|FILE.yaml [-protocol ..] [-boundary] [-json FILE]

Scores prediction files: PQ as panopticapi, mask AP as pycocotools, mIoU by the
data set's official rule. "score panoptic -h" and so on describe the flags.

Example:
  go run ./cmd/score panoptic -gt panoptic_val2017.json -gt-dir panoptic_val2017 -pred pred.json -pred-dir pred
`

func main() { cli.Main("score", run) }

func run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return cli.Usagef("want one of panoptic, instance and semantic")
	}
	switch args[0] {
	case "panoptic":
		return panoptic(ctx, args[1:])
	case "instance":
		return instance(ctx, args[1:])
	case "semantic":
		return semantic(ctx, args[1:])
	case "-h", "-help", "--help", "help":
		fmt.Print(usage)
		return flag.ErrHelp
	}
	return cli.Usagef("unknown task %q, want panoptic, instance or semantic", args[0])
}
