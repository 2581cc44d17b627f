package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"

	"eomt/checkpoints/names"
	"eomt/checkpoints/tensor"
	"eomt/checkpoints/weights"
	"eomt/internal/cli"
)

// errDiffer ends the command with exit code 1; the printed lines show the differences.
var errDiffer = errors.New("the two differ")

// compare lists the tensors in which two files differ.
func compare(ctx context.Context, args []string) (err error) {
	f := cli.Flags("compare", `weights compare A B [-tolerance 0]

Prints one line a differing tensor and a last line of counts; exit code 0 only where
all names, shapes and values agree. Files of any known formats are compared by this
project's names, others by the names that they hold; buffers count within one format
only. Element types may differ; values may by up to the tolerance. NaN equals NaN.`,
		"go run ./cmd/weights compare eomt-hf pytorch_model.bin")
	tolerance := f.Float64("tolerance", 0, "largest absolute difference that counts as none")
	paths, err := parse(f, args, 2, "two paths, A and B")
	if err != nil {
		return err
	}
	if !(*tolerance >= 0) {
		return cli.Usagef("-tolerance %v: want 0 or more", *tolerance)
	}
	a, err := weights.OpenFile(paths[0])
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	b, err := weights.OpenFile(paths[1])
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	x, y, err := alike(a, b)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(os.Stdout)
	defer func() { err = errors.Join(err, out.Flush()) }()
	return report(ctx, out, x, y, *tolerance)
}

// alike gives the tensors of two files by one kind of names: as they are stored
// where a format is not known, otherwise by ours. What is not a parameter, as buffers
// are, is compared only within one format.
func alike(a, b *weights.File) (x, y []tensor.Tensor, err error) {
	x, othersX, formatX, err := a.ByOurNames()
	if err != nil {
		return nil, nil, err
	}
	y, othersY, formatY, err := b.ByOurNames()
	switch {
	case err != nil:
		return nil, nil, err
	case formatX == "" || formatY == "":
		return a.Tensors, b.Tensors, nil
	case formatX == formatY:
		return slices.Concat(x, othersX), slices.Concat(y, othersY), nil
	}
	isBuffer := func(t tensor.Tensor) bool { return names.IsBuffer(t.Name) }
	return slices.Concat(x, slices.DeleteFunc(othersX, isBuffer)), slices.Concat(y, slices.DeleteFunc(othersY, isBuffer)), nil
}

// report prints the differences between two lists of tensors.
func report(ctx context.Context, out io.Writer, a, b []tensor.Tensor, tolerance float64) error {
	inA, inB := tensor.ByName(a), tensor.ByName(b)
	var equal, different, onlyA, onlyB int
	largest := 0.
	for _, t := range a {
		if err := ctx.Err(); err != nil {
			return err
		}
		other, ok := inB[t.Name]
		if !ok {
			onlyA++
			fmt.Fprintf(out, "%s only in A\n", t.Name)
			continue
		}
		text, difference, err := differ(t, other, tolerance)
		if err != nil {
			return err
		}
		largest = max(largest, difference)
		if text == "" {
			equal++
			continue
		}
		different++
		fmt.Fprintf(out, "%s %s\n", t.Name, text)
	}
	for _, t := range b {
		if _, ok := inA[t.Name]; !ok {
			onlyB++
			fmt.Fprintf(out, "%s only in B\n", t.Name)
		}
	}
	fmt.Fprintf(out, "%d equal, %d different, %d only in A, %d only in B, largest difference %g\n", equal, different, onlyA, onlyB, largest)
	if different+onlyA+onlyB > 0 {
		return errDiffer
	}
	return nil
}

// differ says how two tensors differ, "" where they do not, and the largest
// absolute difference of their values.
func differ(a, b tensor.Tensor, tolerance float64) (string, float64, error) {
	if !slices.Equal(a.Shape, b.Shape) {
		return fmt.Sprintf("shape %v, in B %v", a.Shape, b.Shape), 0, nil
	}
	x, err := a.Float64s()
	if err != nil {
		return "", 0, err
	}
	y, err := b.Float64s()
	if err != nil {
		return "", 0, err
	}
	count, largest := 0, 0.
	for i := range x {
		if x[i] == y[i] || math.IsNaN(x[i]) && math.IsNaN(y[i]) {
			continue
		}
		difference := math.Abs(x[i] - y[i])
		if math.IsNaN(difference) { // one of them is NaN
			difference = math.Inf(1)
		}
		largest = max(largest, difference)
		if difference > tolerance {
			count++
		}
	}
	if count == 0 {
		return "", largest, nil
	}
	return fmt.Sprintf("%d of %d values differ, by up to %g", count, len(x), largest), largest, nil
}
