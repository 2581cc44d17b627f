// Command masking trains the networks of `make masking-ablation` and writes its tables:
// masked attention always, never, or annealed away, evaluated with and without masks
// (section 4.3 of arXiv 2503.19108, in small), and networks of three widths. Runs that
// have ended are not repeated.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
)

const config = "scripts/masking/masking.yaml"

func main() {
	s := study{}
	flag.StringVar(&s.dir, "dir", "runs/masking", "`folder` of the runs and tables")
	flag.IntVar(&s.seeds, "seeds", 3, "runs of each kind")
	flag.IntVar(&s.steps, "steps", 500, "steps of a run")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := s.run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "masking:", err)
		os.Exit(1)
	}
}

// study is the ablation.
type study struct {
	dir          string
	seeds, steps int
	program      string // cmd/train, built
}

// variant is one kind of run.
type variant struct {
	name string
	from string   // the variant whose trained weights it evaluates; empty if it trains
	set  []string // key=value over the configuration
}

// queryBlocks are model.query_blocks of the configuration.
const queryBlocks = 3

// spans anneals all query blocks from one step to another.
func spans(start, end int) string {
	list := func(step int) string { return fmt.Sprintf("[%d, %d, %d]", step, step, step) }
	return fmt.Sprintf("train.annealing={start: %s, end: %s}", list(start), list(end))
}

// maskings are the rows of the first table. Weights of "mask" are evaluated twice: a
// run whose masks end with its last step has the same weights, and none at evaluation.
func (s study) maskings() []variant {
	return []variant{
		{name: "mask", set: []string{spans(s.steps, s.steps+1)}},
		{name: "mask-none", from: "mask", set: []string{spans(s.steps-1, s.steps)}},
		{name: "none", set: []string{"train.annealing.off=true"}},
		{name: "annealed"},
	}
}

// widths are the rows of the second; that of the configuration is "annealed".
func widths() []variant {
	return []variant{
		{name: "width-32", set: []string{"model.width=32", "model.mlp_hidden=128"}},
		{name: "annealed"},
		{name: "width-128", set: []string{"model.width=128", "model.mlp_hidden=512"}},
	}
}

func (s study) run(ctx context.Context) error {
	if err := os.MkdirAll(s.dir, 0o777); err != nil {
		return err
	}
	s.program = filepath.Join(s.dir, "train")
	if err := command(ctx, "go", "build", "-o", s.program, "./cmd/train"); err != nil {
		return err
	}
	for seed := 1; seed <= s.seeds; seed++ {
		for _, v := range append(s.maskings(), widths()...) {
			if err := s.train(ctx, v, seed); err != nil {
				return err
			}
		}
	}
	if err := s.tables(); err != nil {
		return err
	}
	return s.report(ctx)
}

// folder is the run folder of a variant.
func (s study) folder(v string, seed int) string {
	return filepath.Join(s.dir, fmt.Sprintf("%s-%d", v, seed))
}

// train does a run, unless it has ended before.
func (s study) train(ctx context.Context, v variant, seed int) error {
	out := s.folder(v.name, seed)
	if v.from != "" {
		if err := copyRun(s.folder(v.from, seed), out); err != nil {
			return err
		}
	}
	args := []string{"-resume", "auto", "-config", config, "-out", out, "-set", fmt.Sprintf("seed=%d", seed), "-set", "name=" + filepath.Base(out),
		"-set", fmt.Sprintf("train.total_steps=%d", s.steps)}
	for _, set := range v.set {
		args = append(args, "-set", set)
	}
	return command(ctx, s.program, args...)
}

// copyRun makes a run of the last checkpoint and the log of one that has ended, unless
// that has been done.
func copyRun(from, to string) error {
	if _, err := os.Stat(to); err == nil {
		return nil
	}
	step, err := os.Readlink(filepath.Join(from, "checkpoints", "latest"))
	if err != nil {
		return err
	}
	log, err := os.ReadFile(filepath.Join(from, "metrics.jsonl"))
	if err != nil {
		return err
	}
	part := to + ".part"
	if err := os.RemoveAll(part); err != nil {
		return err
	}
	if err := os.CopyFS(filepath.Join(part, "checkpoints", step), os.DirFS(filepath.Join(from, "checkpoints", step))); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(part, "metrics.jsonl"), log, 0o666); err != nil {
		return err
	}
	return os.Rename(part, to)
}

// report compares all runs by cmd/report.
func (s study) report(ctx context.Context) error {
	args := []string{"run", "./cmd/report"}
	seen := map[string]bool{}
	for _, v := range append(s.maskings(), widths()...) {
		for seed := 1; seed <= s.seeds && !seen[v.name]; seed++ {
			args = append(args, s.folder(v.name, seed))
		}
		seen[v.name] = true
	}
	return command(ctx, "go", append(args, "-out", filepath.Join(s.dir, "report"))...)
}

// command runs a program, with its output on standard error.
func command(ctx context.Context, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	fmt.Fprintln(os.Stderr, "masking:", name, args)
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}
