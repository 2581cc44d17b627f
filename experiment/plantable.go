package experiment

import (
	"fmt"
	"io"
	"text/tabwriter"

	"eomt/internal/memory"
	"eomt/train"
)

// Write prints the plan: a table of the images that were compiled, what fits and what
// to set.
func (p *Plan) Write(w io.Writer) error {
	a, batch := p.Architecture, p.Config.Data.Loader.Batch
	fmt.Fprintf(w, "%s on %s: %d x %d px, batch %d%s, up to %d targets per image, float32 parameters\n\n",
		p.Config.Name, p.Backend, a.ImageW(), a.ImageH(), batch, p.cut(), p.Targets)
	if err := p.table(w); err != nil {
		return err
	}
	parameters := 0
	for _, one := range a.Parameters() {
		parameters += one.Size()
	}
	fmt.Fprintf(w, "\n%d parameters.", parameters)
	if !p.Known() {
		_, err := fmt.Fprintf(w, " The compiler of backend %s reports no temporary memory: peak and largest batch are not known;\n-backend xla:cpu or xla:cuda reports them.\n", p.Backend)
		return err
	}
	fmt.Fprintln(w, " Gradients are part of the temporary memory or of the outputs. Peak: arguments (state, batch), outputs")
	fmt.Fprintln(w, "(the next state, beside the old one) and temporary memory, as the compiler reports them. The process, its program")
	fmt.Fprintln(w, "and the images that are loaded ahead come on top, in the host's memory.")
	_, err := fmt.Fprintf(w, "\n%s\n", p.advice())
	return err
}

// cut says into what a batch is cut.
func (p *Plan) cut() string {
	text := ""
	if p.shares() > 1 {
		text = fmt.Sprintf(" in %d shares", p.shares())
	}
	if p.devices() > 1 {
		text += fmt.Sprintf(" on %d devices", p.devices())
	}
	return text
}

// table prints a column for each number of images that was compiled.
func (p *Plan) table(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(t, "at once\t")
	for _, c := range p.Compiled {
		fmt.Fprintf(t, "%s\t", count(c.Images, "image"))
	}
	fmt.Fprintln(t)
	row := func(name string, known bool, bytes func(m train.Memory) int64) {
		fmt.Fprintf(t, "%s\t", name)
		for _, c := range p.Compiled {
			text := "unknown"
			if known {
				text = memory.Format(bytes(c.Memory))
			}
			fmt.Fprintf(t, "%s\t", text)
		}
		fmt.Fprintln(t)
	}
	row("parameters", true, func(m train.Memory) int64 { return m.Parameters })
	row("optimizer slots", true, func(m train.Memory) int64 { return m.Slots })
	row("gradients", true, func(m train.Memory) int64 { return m.Gradients })
	row("arguments", p.Known(), func(m train.Memory) int64 { return m.Program.Arguments })
	row("outputs", p.Known(), func(m train.Memory) int64 { return m.Program.Outputs })
	row("temporary memory", p.Known(), func(m train.Memory) int64 { return m.Program.Temporary })
	row("peak per device", p.Known(), train.Memory.Peak)
	return t.Flush()
}

// advice says what fits in the limit and what to set.
func (p *Plan) advice() string {
	if p.Limit <= 0 {
		return fmt.Sprintf("Backend %s does not say how much memory its device has: -memory 24GiB gives the largest batch that fits.", p.Backend)
	}
	if p.Fitted {
		return p.chosen()
	}
	text := fmt.Sprintf("Memory: %s (%s). The largest batch that fits, along the line through %d and %d images: ",
		memory.Format(p.Limit), p.LimitIs, p.Compiled[0].Images, p.Compiled[1].Images)
	switch largest := p.Largest() * p.devices(); {
	case largest == 0:
		text += "none.\n"
	case p.shares() > 1:
		text += fmt.Sprintf("%d in shares of %d.\n", largest*p.shares(), largest)
	default:
		text += fmt.Sprintf("%d.\n", largest)
	}
	peak := p.At(p.atOnce()).Peak()
	if peak <= p.Limit {
		return text + fmt.Sprintf("%s fits, with %s to spare: nothing has to be set.", p.batch(), memory.Format(p.Limit-peak))
	}
	return text + fmt.Sprintf("%s takes %s: %s.", p.batch(), memory.Format(peak), p.smaller())
}

// batch is the batch as configured.
func (p *Plan) batch() string {
	return fmt.Sprintf("data.batch=%d%s", p.Config.Data.Loader.Batch, p.cut())
}

// chosen says what train.fit derived.
func (p *Plan) chosen() string {
	return fmt.Sprintf("train.fit=%s: train.accumulate=%d and train.remat=%s, shares of %s, %s at most per device; gradient and schedules stay those of data.batch=%d.",
		p.Config.Train.Fit, p.shares(), p.Config.Remat(), count(p.Config.Data.Loader.Batch/p.shares(), "image"), memory.Format(p.At(p.atOnce()).Peak()), p.Config.Data.Loader.Batch)
}

// smaller is what to set where the batch does not fit.
func (p *Plan) smaller() string {
	if n := p.accumulate(p.shares() + 1); n > 0 {
		text := fmt.Sprintf("-set train.accumulate=%d has the same gradient in shares of %s, about %s",
			n, count(p.Config.Data.Loader.Batch/n, "image"), memory.Format(p.of(n).Peak()))
		if largest := p.Largest() * p.shares() * p.devices(); largest > 0 {
			text += fmt.Sprintf("; -set data.batch=%d fits too and is another recipe", largest)
		}
		return text
	}
	if q := p.recomputed; q != nil {
		if n := q.accumulate(q.shares()); n > 0 {
			return fmt.Sprintf("-set train.remat=blocks -set train.accumulate=%d has the same gradient in shares of %s and computes blocks twice, about %s",
				n, count(p.Config.Data.Loader.Batch/n, "image"), memory.Format(q.of(n).Peak()))
		}
	}
	return fmt.Sprintf("one image takes %s: set a smaller model.size or model.image, or take a device with more memory",
		memory.Format(p.of(p.Config.Data.Loader.Batch/p.devices()).Peak()))
}
