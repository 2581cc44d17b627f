package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

// UsageError is a command line that cannot be run: exit code 2.
type UsageError struct{ Reason string }

func (e *UsageError) Error() string { return e.Reason }

// Usagef makes a [UsageError].
func Usagef(format string, args ...any) error {
	return &UsageError{Reason: fmt.Sprintf(format, args...)}
}

// Main runs a command until it ends or Ctrl-C is pressed, and exits: 0 on
// success or after -h, 2 where the command line is wrong, 1 on any other failure,
// with one line on standard error. A panic is reported as a fault of the program
// in one line too.
func Main(name string, run func(ctx context.Context, args []string) error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := guarded(ctx, run)
	stop()
	var usage *UsageError
	switch {
	case err == nil || errors.Is(err, flag.ErrHelp):
		return
	case errors.As(err, &usage):
		fmt.Fprintf(os.Stderr, "%s: %v (see -h)\n", name, err)
		os.Exit(2)
	}
	fmt.Fprintf(os.Stderr, "%s: %s\n", name, strings.TrimPrefix(oneLine(err.Error()), name+": "))
	os.Exit(1)
}

func guarded(ctx context.Context, run func(ctx context.Context, args []string) error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("internal fault, please report it: %v", r)
		}
	}()
	return run(ctx, os.Args[1:])
}

// oneLine folds an error that joins several into one line.
func oneLine(text string) string {
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r == '\n' }), "; ")
}

// Flags is a flag set whose -h prints usage and an example, and whose errors are
// usage errors.
func Flags(name, usage, example string) *flag.FlagSet {
	f := flag.NewFlagSet(name, flag.ContinueOnError)
	f.SetOutput(os.Stderr)
	f.Usage = func() {
		fmt.Fprintf(os.Stdout, "Usage: %s\n\n", usage)
		f.SetOutput(os.Stdout)
		f.PrintDefaults()
		f.SetOutput(os.Stderr)
		fmt.Fprintf(os.Stdout, "\nExample:\n  %s\n", example)
	}
	return f
}

// Parse parses args; what flag reports becomes a [UsageError] in one line.
func Parse(f *flag.FlagSet, args []string) error {
	usage := f.Usage
	quiet := new(strings.Builder)
	f.SetOutput(quiet)
	f.Usage = func() {}
	err := f.Parse(args)
	f.SetOutput(os.Stderr)
	f.Usage = usage
	switch {
	case errors.Is(err, flag.ErrHelp):
		usage()
		return err
	case err != nil:
		return &UsageError{Reason: err.Error()}
	}
	return nil
}

// Overrides collects -set key=value flags.
type Overrides []string

func (o *Overrides) String() string     { return strings.Join(*o, " ") }
func (o *Overrides) Set(s string) error { *o = append(*o, s); return nil }
