// Command data generates and inspects data sets: "shapes" generates a toy data set,
// "inspect" reads a whole data set and reports its contents and its problems. Package
// data/inspect does the reading.
package main

import (
	"context"
	"flag"
	"fmt"

	"eomt/internal/cli"
)

const usage = `Usage: data shapes -out DIR -images N [-val N] [-size PX] [-seed S]
       data inspect -config FILE [-set key=value ...] [-split train|val] [-out DIR]

"shapes" generates a small data set in COCO's formats. "inspect" reads every image
and annotation of a data set, lists problems by file (exit code 1 if there are
any), notes what may be intended, and draws samples before and after the training
transforms.
"data shapes -h" and "data inspect -h" describe the flags.

Example:
  go run ./cmd/data shapes -out data-cache/shapes -images 1000 -seed 1
`

func main() { cli.Main("data", run) }

func run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return cli.Usagef("want shapes or inspect")
	}
	switch args[0] {
	case "shapes":
		return generate(ctx, args[1:])
	case "inspect":
		return inspectDataset(ctx, args[1:])
	case "-h", "-help", "--help", "help":
		fmt.Print(usage)
		return flag.ErrHelp
	}
	return cli.Usagef("unknown command %q, want shapes or inspect", args[0])
}
