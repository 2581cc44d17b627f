package cli

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"eomt/internal/panics"
)

func TestParseErrorsAreUsageErrors(t *testing.T) {
	f := Flags("x", "x -n N", "x -n 3")
	f.Int("n", 0, "a number")
	var usage *UsageError
	if err := Parse(f, []string{"-m"}); !errors.As(err, &usage) || !strings.Contains(err.Error(), "not defined: -m") {
		t.Errorf("unknown flag: %v", err)
	}
	if err := Parse(f, []string{"-n", "many"}); !errors.As(err, &usage) || !strings.Contains(err.Error(), `invalid value "many" for flag -n`) {
		t.Errorf("wrong value: %v", err)
	}
}

func TestReport(t *testing.T) {
	fault := panics.Recover(func() error { panic("shapes differ") })
	for _, c := range []struct {
		name string
		err  error
		code int
		want string
	}{
		{"success", nil, 0, ""},
		{"help", fmt.Errorf("parse: %w", flag.ErrHelp), 0, ""},
		{"usage", Usagef("no -config"), 2, "train: no -config (see -h)\n"},
		{"usage of another package", fmt.Errorf("open: %w", foreignUsage{}), 2, "train: open: no such name (see -h)\n"},
		{"failure", errors.New("train: disk full\nand worse"), 1, "train: disk full; and worse\n"},
		{"interrupted", fmt.Errorf("stopped after 2 of 9 images: %w", context.Canceled), 1, "train: stopped after 2 of 9 images: interrupted\n"},
		{"panic", fault, 1, "train: internal fault, please report it: shapes differ; EOMT_DEBUG=1 prints its stack\n"},
	} {
		var out strings.Builder
		if code := report(&out, "train", c.err, false); code != c.code || out.String() != c.want {
			t.Errorf("%s: exit code %d, %q; want %d, %q", c.name, code, out.String(), c.code, c.want)
		}
	}
}

type foreignUsage struct{}

func (foreignUsage) Error() string { return "no such name" }
func (foreignUsage) UsageError()   {}

func TestDebugPrintsStacks(t *testing.T) {
	var out strings.Builder
	report(&out, "train", panics.Recover(func() error { panic("shapes differ") }), true)
	if first, rest, _ := strings.Cut(out.String(), "\n"); first != "train: internal fault, please report it: shapes differ" ||
		!strings.Contains(rest, "TestDebugPrintsStacks") {
		t.Errorf("of a panic: %q", out.String())
	}
	out.Reset()
	report(&out, "train", fmt.Errorf("step: %w", stacked{}), true)
	if first, rest, _ := strings.Cut(out.String(), "\n"); first != "train: step: no such shape" ||
		rest != "no such shape\nbuilder.go:1\n" {
		t.Errorf("of an engine's error: %q", out.String())
	}
	out.Reset()
	if report(&out, "train", errors.New("disk full"), true); out.String() != "train: disk full\n" {
		t.Errorf("of an error without a stack: %q", out.String())
	}
}

// stacked is an error that prints its stack for %+v, as the engine's do.
type stacked struct{}

func (stacked) Error() string { return "no such shape" }

func (s stacked) Format(f fmt.State, _ rune) {
	fmt.Fprint(f, s.Error())
	if f.Flag('+') {
		fmt.Fprint(f, "\nbuilder.go:1")
	}
}

func TestFirstInterruptCancelsSecondExits(t *testing.T) {
	interrupts, said := make(chan os.Signal, 2), new(strings.Builder)
	var events []string
	interrupts <- os.Interrupt
	interrupts <- os.Interrupt
	onInterrupt("train", interrupts, func() { events = append(events, "cancel") }, said,
		func(code int) { events = append(events, fmt.Sprint("exit ", code)) })
	if got := strings.Join(events, ", "); got != "cancel, exit 130" {
		t.Errorf("events %q", got)
	}
	want := "train: interrupted, stopping; a second interrupt ends it at once\ntrain: ended by a second interrupt\n"
	if said.String() != want {
		t.Errorf("said %q, want %q", said.String(), want)
	}
}

// TestSecondInterruptEndsABusyProcess interrupts a process of this test binary that
// does not look at its context, as a compilation does not.
func TestSecondInterruptEndsABusyProcess(t *testing.T) {
	if os.Getenv("EOMT_TEST_BUSY") != "" {
		Main("busy", func(context.Context, []string) error {
			fmt.Println("started")
			for {
				runtime.Gosched()
			}
		})
	}
	if runtime.GOOS == "windows" {
		t.Skip("no interrupts to send")
	}
	command := exec.Command(os.Args[0], "-test.run=^TestSecondInterruptEndsABusyProcess$")
	command.Env = append(os.Environ(), "EOMT_TEST_BUSY=1")
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	stderr, err := command.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	defer command.Process.Kill()
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(stderr)
	for _, want := range []string{"busy: interrupted, stopping; a second", "busy: ended by a second"} {
		if err := command.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		if line, err := lines.ReadString('\n'); err != nil || !strings.HasPrefix(line, want) {
			t.Fatalf("it said %q, %v; want %q", line, err, want)
		}
	}
	var exit *exec.ExitError
	if err := command.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 130 {
		t.Errorf("it ended with %v, want exit code 130", err)
	}
}

func TestErrorsAreOneLine(t *testing.T) {
	if got := oneLine("a\nb\n"); got != "a; b" {
		t.Errorf("%q", got)
	}
}
