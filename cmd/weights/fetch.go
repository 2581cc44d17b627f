package main

import (
	"context"
	"fmt"
	"os"

	"eomt/checkpoints/hub"
	"eomt/experiment"
	"eomt/internal/cli"
)

// fetch brings weights from the hub into the cache.
func fetch(ctx context.Context, args []string) error {
	f := cli.Flags("fetch", `weights fetch [-revision R] [-cache DIR] dinov2:NAME|dinov3:NAME|hf:OWNER/NAME

Fetches weights from the Hugging Face hub into the cache folder that its own tools
use, and prints the folder, which -weights and "weights:" take. Names of backbones:
dinov2:vit{s,b,l,g}14[_reg4], dinov3:vit{s,b,l,7b}16. An access token is taken from
HF_TOKEN or from where the hub's own login command keeps it.`,
		"go run ./cmd/weights fetch dinov2:vitl14_reg4")
	revision := f.String("revision", "", "branch, tag or commit; default main")
	cache := f.String("cache", "", "cache folder; default the hub's own")
	names, err := parse(f, args, 1, "one name of weights, for example dinov2:vitl14_reg4 or hf:OWNER/NAME")
	if err != nil {
		return err
	}
	if !hub.IsReference(names[0]) {
		return cli.Usagef("%q is not a name on the hub; want dinov2:NAME, dinov3:NAME or hf:OWNER/NAME", names[0])
	}
	dir, err := experiment.FindWeights(ctx, names[0], hub.Options{Revision: *revision, CacheDir: *cache}, os.Stderr, experiment.Terminal)
	if err != nil {
		return err
	}
	fmt.Println(dir)
	return nil
}
