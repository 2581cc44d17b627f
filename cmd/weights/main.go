// Command weights inspects, converts, compares, fetches, initialises and exports
// weights, and runs one forward pass for parity with other implementations.
package main

import (
	"context"
	"flag"
	"fmt"

	"eomt/internal/backend"
	"eomt/internal/cli"
)

const usage = `Usage: weights inspect [-deltas-from BASE] [-raw] PATH
       weights convert -in PATH -out PATH -format native|hf|official [-deltas-from BASE]
       weights compare A B [-tolerance 0]
       weights fetch [-revision R] [-cache DIR] dinov2:NAME|dinov3:NAME|hf:OWNER/NAME
       weights init -config FILE -seed S -out PATH [-format native|hf|official]
       weights export -in WEIGHTS -out FILE.onnx [-opset 20|17] [-precision f32|f16] [-input float|uint8] [-for generic|onnxruntime] [-verify]
       weights forward -weights PATH -input IN.safetensors -output OUT.safetensors

Weights are a run folder, checkpoints folder or checkpoint of this project, a
folder of Hugging Face's (config.json with safetensors), an official EoMT
pytorch_model.bin, or a DINOv2 or DINOv3 backbone as Meta, timm or Hugging Face
keep it. "weights inspect -h" and so on describe the flags.

Example:
  go run ./cmd/weights inspect pytorch_model.bin
`

func main() {
	backend.HugePages()
	cli.Main("weights", run)
}

func run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return cli.Usagef("want inspect, convert, compare, fetch, init, export or forward")
	}
	switch args[0] {
	case "inspect":
		return inspect(ctx, args[1:])
	case "convert":
		return convert(ctx, args[1:])
	case "compare":
		return compare(ctx, args[1:])
	case "fetch":
		return fetch(ctx, args[1:])
	case "init":
		return initialize(ctx, args[1:])
	case "export":
		return export(ctx, args[1:])
	case "forward":
		return forward(ctx, args[1:])
	case "-h", "-help", "--help", "help":
		fmt.Print(usage)
		return flag.ErrHelp
	}
	return cli.Usagef("unknown command %q, want inspect, convert, compare, fetch, init, export or forward", args[0])
}

// parse parses args, which may have flags before, between and after the
// arguments that are none, and returns those, n of them.
func parse(f *flag.FlagSet, args []string, n int, want string) ([]string, error) {
	var plain []string
	for {
		if err := cli.Parse(f, args); err != nil {
			return nil, err
		}
		if f.NArg() == 0 {
			break
		}
		plain = append(plain, f.Arg(0))
		args = f.Args()[1:]
	}
	if len(plain) != n {
		return nil, cli.Usagef("want %s", want)
	}
	return plain, nil
}
