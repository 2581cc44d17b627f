package main

import (
	"fmt"
	"io"

	"eomt/arch"
	"eomt/configs"
	"eomt/experiment"
	"eomt/train"
)

// print writes what -print-config and -print-params ask for. It needs no data:
// where the archives are not at hand, counts are the published ones.
func (o options) print(w io.Writer, c configs.Config) error {
	images, classes, err := experiment.Counts(c)
	if err != nil {
		return err
	}
	r, a, err := experiment.Resolve(c, images, classes)
	if err != nil {
		return fmt.Errorf("%s: %w", o.config, err)
	}
	groups, err := c.Train.FineTune.Groups(a, c.Train.Optimizer)
	if err != nil {
		return fmt.Errorf("%s: %w", o.config, err)
	}
	if o.printConfig {
		if err := r.Write(w); err != nil {
			return err
		}
		printRates(w, c, a)
	}
	if o.printParams {
		printParams(w, c, a, groups)
	}
	return nil
}

// printRates adds the derived learning rates as comments, so that the output
// stays a configuration.
func printRates(w io.Writer, c configs.Config, a arch.Architecture) {
	fmt.Fprintln(w, "# Peak learning rates:")
	groups := train.Groups(a, c.Train.Optimizer)
	last := -2
	for i, p := range a.Parameters() {
		if p.Part == arch.PartBlock && p.Block != last {
			fmt.Fprintf(w, "#   block %d: %.4g\n", p.Block, c.Train.Optimizer.LearningRate*groups[i].Multiplier)
			last = p.Block
		}
	}
	fmt.Fprintf(w, "#   tokens and embeddings as block 0; norm, queries, heads, ScaleBlocks: %.4g\n", c.Train.Optimizer.LearningRate)
	if f := c.Train.FineTune; len(f.Freeze)+len(f.Multipliers)+f.LoRA.Rank > 0 {
		fmt.Fprintln(w, "# train.freeze, train.multipliers and train.lora come on top; -print-params has every parameter's rate.")
	}
}

func printParams(w io.Writer, c configs.Config, a arch.Architecture, groups []train.Group) {
	var backbone, factors int
	for i, p := range a.Parameters() {
		group, rate := groups[i].Schedule, c.Train.Optimizer.LearningRate*groups[i].Multiplier
		if groups[i].Frozen {
			group, rate = "frozen", 0
		}
		if p.Part == arch.PartLoRA {
			factors += p.Size()
		} else if p.Part != arch.PartHead {
			backbone += p.Size()
		}
		fmt.Fprintf(w, "%-40s %-20v %-9s %.4g\n", p.Name, p.Shape, group, rate)
	}
	trained, total := train.Trained(a, groups)
	if trained < total {
		fmt.Fprintf(w, "trained %d of %d parameters (%.2f %%)\n", trained, total, 100*float64(trained)/float64(total))
	}
	if factors > 0 {
		fmt.Fprintf(w, "low-rank factors %d (%.2f %%)\n", factors, 100*float64(factors)/float64(total))
	}
	fmt.Fprintf(w, "backbone %d, heads %d, total %d parameters\n", backbone, total-backbone-factors, total)
	// The published backbone counts are those of the released weights: patch 14 at 518 px.
	released := a.Backbone()
	released.Patch, released.Grid = 14, [2]int{37, 37}
	count := 0
	for _, p := range released.Parameters() {
		if p.Part != arch.PartHead {
			count += p.Size()
		}
	}
	if c.Model.Size != "custom" && a.Kind == arch.DINOv2 {
		fmt.Fprintf(w, "backbone as released (patch 14, 518 px): %d parameters\n", count)
	}
}
