package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"eomt/internal/panics"
)

// UsageError is a command line that cannot be run: exit code 2.
type UsageError struct{ Reason string }

func (e *UsageError) Error() string { return e.Reason }

// UsageError marks this error; those of other packages that have it end a command
// in the same way.
func (e *UsageError) UsageError() {}

// Usagef makes a [UsageError].
func Usagef(format string, args ...any) error {
	return &UsageError{Reason: fmt.Sprintf(format, args...)}
}

// ExitError ends a command with an exit code of its own.
type ExitError struct {
	Code   int
	Reason string
}

func (e *ExitError) Error() string { return e.Reason }

// Main runs a command until it ends or is interrupted, and exits: 0 on success or
// after -h, 2 where the command line is wrong, the code of an [ExitError], 1 on any
// other failure, with one line on standard error. The first Ctrl-C (or SIGTERM) cancels the context, the
// second ends the process. A panic is reported as a fault of the program in one
// line; its stack is printed where EOMT_DEBUG is set.
func Main(name string, run func(ctx context.Context, args []string) error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	interrupts := make(chan os.Signal, 2)
	signal.Notify(interrupts, os.Interrupt, syscall.SIGTERM)
	go onInterrupt(name, interrupts, cancel, os.Stderr, os.Exit)
	err := panics.Recover(func() error { return run(ctx, os.Args[1:]) })
	if code := report(os.Stderr, name, err, os.Getenv(debugEnv) != ""); code != 0 {
		os.Exit(code)
	}
}

// debugEnv is the environment variable that prints stacks of faults.
const debugEnv = "EOMT_DEBUG"

// interruptedCode is a shell's exit code of a process that SIGINT ended.
const interruptedCode = 130

// onInterrupt cancels on the first signal and exits on the second: what runs may
// be a compilation, which nothing else can stop.
func onInterrupt(name string, interrupts <-chan os.Signal, cancel func(), say io.Writer, exit func(code int)) {
	<-interrupts
	fmt.Fprintf(say, "%s: interrupted, stopping; a second interrupt ends it at once\n", name)
	cancel()
	<-interrupts
	fmt.Fprintf(say, "%s: ended by a second interrupt\n", name)
	exit(interruptedCode)
}

// report prints an error in one line and returns the exit code.
func report(w io.Writer, name string, err error, debug bool) int {
	var usage interface{ UsageError() }
	switch {
	case err == nil || errors.Is(err, flag.ErrHelp):
		return 0
	case errors.As(err, &usage):
		fmt.Fprintf(w, "%s: %v (see -h)\n", name, err)
		return 2
	}
	text := strings.TrimPrefix(oneLine(err.Error()), name+": ")
	if errors.Is(err, context.Canceled) {
		text = strings.ReplaceAll(text, context.Canceled.Error(), "interrupted")
	}
	var fault *panics.Error
	if errors.As(err, &fault) && !debug {
		text += "; " + debugEnv + "=1 prints its stack"
	}
	fmt.Fprintf(w, "%s: %s\n", name, text)
	if debug {
		fmt.Fprint(w, stack(err))
	}
	if exit := new(ExitError); errors.As(err, &exit) {
		return exit.Code
	}
	return 1
}

// stack is the stack trace of an error, if one in its chain has it: a recovered panic,
// or an error of the engine, which prints it for %+v. Otherwise it is empty.
func stack(err error) string {
	var fault *panics.Error
	if errors.As(err, &fault) {
		return string(fault.Stack)
	}
	for ; err != nil; err = errors.Unwrap(err) {
		if formatter, ok := err.(fmt.Formatter); ok {
			return fmt.Sprintf("%+v\n", formatter)
		}
	}
	return ""
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
