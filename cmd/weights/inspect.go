package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"

	"eomt/checkpoints/tensor"
	"eomt/checkpoints/weights"
	"eomt/internal/cli"
)

// inspect lists what a file of weights holds.
func inspect(ctx context.Context, args []string) (err error) {
	f := cli.Flags("inspect", `weights inspect [-deltas-from BASE] [-raw] PATH

Prints one line a parameter (name, type, shape, first half of the SHA-256 of its
bytes) by this project's names, in the model's order, then the architecture. It
fails where a parameter is missing, left over or of a wrong shape; -raw lists any
readable file's tensors as they are called and ordered there.`, "go run ./cmd/weights inspect pytorch_model.bin")
	base := f.String("deltas-from", "", "backbone that PATH holds the differences to")
	ema := f.Bool("ema", true, "take the moving averages of a run with train.ema; -ema=false takes the weights of its step")
	raw := f.Bool("raw", false, "list the tensors as they are in the file")
	paths, err := parse(f, args, 1, "one PATH")
	if err != nil {
		return err
	}
	out := bufio.NewWriter(os.Stdout)
	defer func() { err = errors.Join(err, out.Flush()) }()
	if *raw {
		if *base != "" {
			return cli.Usagef("-raw lists a file as it is; leave out -deltas-from")
		}
		file, err := weights.OpenFile(paths[0])
		if err != nil {
			return err
		}
		return errors.Join(list(ctx, out, file.Tensors), file.Close())
	}
	m, err := open(paths[0], *base, *ema)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	if err := list(ctx, out, m.Tensors); err != nil {
		return err
	}
	fmt.Fprintf(out, "format %s\n", m.Format)
	if len(m.Loading.Buffers) > 0 {
		fmt.Fprintf(out, "tensors beside the parameters %v\n", m.Loading.Buffers)
	}
	if len(m.MaskProbs) > 0 {
		fmt.Fprintf(out, "mask probabilities %v\n", m.MaskProbs)
	}
	a := m.Architecture
	fmt.Fprintf(out, "architecture %s width %d blocks %d heads %d mlp %d gated %t patch %d grid %dx%d registers %d",
		a.Kind, a.Width, a.Blocks, a.Heads, a.Hidden, a.SwiGLU, a.Patch, a.Grid[0], a.Grid[1], a.Registers)
	if !a.BackboneOnly() {
		fmt.Fprintf(out, " queries %d classes %d query blocks %d", a.Queries, a.Classes, a.MaskBlocks)
	}
	if a.Network != "" && !a.BackboneOnly() {
		fmt.Fprintf(out, " network %s", a.Network)
	}
	fmt.Fprintln(out)
	return nil
}

// open opens weights, as differences to base where that is named; ema says whether to
// take the moving averages of a checkpoint that has them.
func open(path, base string, ema bool) (*weights.Model, error) {
	switch {
	case base != "":
		return weights.OpenDeltas(path, base)
	case !ema:
		return weights.OpenLast(path)
	}
	return weights.Open(path)
}

// list prints a line per tensor and a last one of counts.
func list(ctx context.Context, out io.Writer, tensors []tensor.Tensor) error {
	var elements, bytes int64
	for _, t := range tensors {
		if err := ctx.Err(); err != nil {
			return err
		}
		data, err := t.Bytes()
		if err != nil {
			return err
		}
		sum := sha256.Sum256(data)
		fmt.Fprintf(out, "%s %s %v %x\n", t.Name, t.DType, t.Shape, sum[:16])
		elements += t.Elements()
		bytes += int64(len(data))
	}
	_, err := fmt.Fprintf(out, "%d tensors, %d elements, %d bytes\n", len(tensors), elements, bytes)
	return err
}
