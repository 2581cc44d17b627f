package main

import (
	"fmt"
	"io"

	"eomt/cmd/internal/app"
	"eomt/configs"
	"eomt/model"
	"eomt/train"
)

// print writes what -print-config and -print-params ask for. It needs no data:
// where the archives are not at hand, counts are the published ones.
func (o options) print(w io.Writer, c configs.Config) error {
	images, classes, err := app.Counts(c)
	if err != nil {
		return err
	}
	r, m, err := app.Resolve(c, images, classes)
	if err != nil {
		return fmt.Errorf("%s: %w", o.config, err)
	}
	groups := train.Groups(m, app.Rates(c))
	if o.printConfig {
		if err := r.Write(w); err != nil {
			return err
		}
		printRates(w, c, m, groups)
	}
	if o.printParams {
		printParams(w, c, m, groups)
	}
	return nil
}

// printRates adds the derived learning rates as comments, so that the output
// stays a configuration.
func printRates(w io.Writer, c configs.Config, m model.Config, groups []train.Group) {
	fmt.Fprintln(w, "# Peak learning rates:")
	last := -2
	for i, p := range m.Parameters() {
		if p.Part == model.PartBlock && p.Block != last {
			fmt.Fprintf(w, "#   block %d: %.4g\n", p.Block, c.Train.LearningRate*groups[i].Multiplier)
			last = p.Block
		}
	}
	fmt.Fprintf(w, "#   tokens and embeddings as block 0; norm, queries, heads, ScaleBlocks: %.4g\n", c.Train.LearningRate)
}

func printParams(w io.Writer, c configs.Config, m model.Config, groups []train.Group) {
	var backbone, total int
	for i, p := range m.Parameters() {
		group := "head"
		if groups[i].Backbone {
			group = "backbone"
			backbone += p.Size()
		}
		total += p.Size()
		fmt.Fprintf(w, "%-40s %-20v %-9s %.4g\n", p.Name, p.Shape, group, c.Train.LearningRate*groups[i].Multiplier)
	}
	fmt.Fprintf(w, "backbone %d, heads %d, total %d parameters\n", backbone, total-backbone, total)
	// The published backbone counts are those of the released weights: patch 14 at 518 px.
	released := m
	released.Patch, released.ImageH, released.ImageW = 14, 518, 518
	count := 0
	for _, p := range released.Parameters() {
		if p.Part != model.PartHead {
			count += p.Size()
		}
	}
	if c.Model.Size != "custom" && m.Kind == model.DINOv2 {
		fmt.Fprintf(w, "backbone as released (patch 14, 518 px): %d parameters\n", count)
	}
}
