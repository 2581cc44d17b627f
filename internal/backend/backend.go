package backend

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gomlx/compute"
	_ "github.com/gomlx/compute/gobackend"

	"eomt/internal/panics"
)

// GoName is the backend that is always available.
const GoName = "go"

// Choice is the backend to open and why.
type Choice struct {
	Name   string // as GOMLX_BACKEND takes it: "xla:cuda", "xla:tpu", "xla:cpu", "go"
	Reason string
	Hint   string // how to get a faster one; empty if there is nothing to gain
	// Devices, if positive, is how many devices xla:cpu makes of the processor. Other
	// backends have those that there are.
	Devices int
}

// String is the one line that a command prints.
func (c Choice) String() string {
	s := fmt.Sprintf("backend %s (%s)", c.Name, c.Reason)
	if c.Hint != "" {
		s += "; " + c.Hint
	}
	return s
}

// OnProcessor reports whether the backend computes on the processor, which all its
// devices share.
func (c Choice) OnProcessor() bool {
	engine, rest, _ := strings.Cut(c.Name, ":")
	plugin, _, _ := strings.Cut(rest, ",")
	return engine == GoName || strings.Contains(filepath.Base(plugin), "cpu")
}

// NameError reports an unknown backend name.
type NameError struct{ Name string }

func (e *NameError) Error() string {
	advice := ""
	if e.Name == "cuda" || e.Name == "tpu" || e.Name == "cpu" {
		advice = fmt.Sprintf("did you mean xla:%s? ", e.Name)
	}
	return fmt.Sprintf("unknown backend %q: %swant go, xla:cpu, xla:cuda, xla:tpu or xla:/PATH/OF/PLUGIN.so", e.Name, advice)
}

// UsageError marks an error of the command line, not of the program.
func (e *NameError) UsageError() {}

// preference is the order in which plugins are taken.
var preference = []string{"cuda", "tpu", "cpu"}

// Choose decides on a backend: the flag's value, otherwise GOMLX_BACKEND, otherwise
// the best of the installed plugins that have a device here, otherwise "go".
func Choose(flag string) Choice {
	if c, ok := named(flag); ok {
		return c
	}
	return thisHost.best()
}

func named(flag string) (Choice, bool) {
	if flag != "" {
		return Choice{Name: flag, Reason: "named by -backend"}, true
	}
	if env := os.Getenv("GOMLX_BACKEND"); env != "" {
		return Choice{Name: env, Reason: "named by GOMLX_BACKEND"}, true
	}
	return Choice{}, false
}

// best is the default choice. It opens nothing.
func (h host) best() Choice {
	if !xlaCompiled {
		return Choice{Name: GoName, Reason: "built without cgo",
			Hint: "a C compiler and `make setup` give xla:cpu, several times faster"}
	}
	skipped := ""
	for _, platform := range preference {
		installed := plugins(platform)
		if len(installed) == 0 {
			continue
		}
		if _, err := h.find(platform); err != nil {
			skipped += fmt.Sprintf("; not xla:%s: %v", platform, err)
			continue
		}
		c := Choice{Name: "xla:" + platform, Reason: "best PJRT plugin found" + skipped}
		if platform == "cpu" && h.gpu("") == nil && skipped == "" {
			c.Hint = "the NVIDIA GPU" + h.advice("cuda")
		}
		return c
	}
	return Choice{Name: GoName, Reason: "no PJRT plugin found in " + strings.Join(pluginDirs(), ", ") + skipped,
		Hint: "`make setup` gives xla:cpu, several times faster"}
}

// Start opens what -backend names, otherwise the best available, and says so in one
// line. Where nothing is named, a plugin that fails to open is passed over, with
// a line that says why.
func Start(flag string, notes io.Writer) (compute.Backend, Choice, error) {
	return StartDevices(flag, 0, notes)
}

// StartDevices is [Start] where xla:cpu makes so many devices of the processor.
func StartDevices(flag string, devices int, notes io.Writer) (compute.Backend, Choice, error) {
	c := Choose(flag)
	c.Devices = devices
	b, err := Open(c)
	if _, ok := named(flag); err != nil && !ok && c.Name != GoName {
		fmt.Fprintf(notes, "%v; falling back to the next best\n", err)
		// Only the CPU's plugin is tried after another failed: the rest could hang.
		next := Choice{Name: "xla:cpu", Reason: c.Name + " does not open"}
		if c.Name == "xla:cpu" || len(plugins("cpu")) == 0 {
			next.Name = GoName
		}
		next.Devices = devices
		c = next
		b, err = Open(c)
	}
	if err != nil {
		return nil, c, err
	}
	fmt.Fprintln(notes, c)
	return b, c, nil
}

// Check reports whether a named backend could not be opened, as far as that is known
// without opening it: names that are none, plugins and devices that are not there.
func Check(flag string) error {
	c, ok := named(flag)
	if !ok {
		return nil
	}
	_, _, err := locate(c.Name)
	return err
}

// openLimit is how long a plugin may take to open: a TPU's takes up to a minute.
const openLimit = 3 * time.Minute

// Open opens the chosen backend. Errors are one line.
func Open(c Choice) (compute.Backend, error) {
	config, p, err := locate(c.Name)
	if err != nil {
		return nil, err
	}
	b, err := within(openLimit, func() (compute.Backend, error) {
		if err := p.prepare(); err != nil {
			return nil, err
		}
		if c.Devices > 0 && c.OnProcessor() && strings.HasPrefix(config, "xla:") {
			return openDevices(config, c.Devices)
		}
		return compute.NewWithConfig(config)
	})
	if err != nil {
		return nil, fmt.Errorf("backend %s: %s", c.Name, cause(err))
	}
	return b, nil
}

// within runs open, which cannot be interrupted, and waits for it so long. Panics
// are errors.
func within(limit time.Duration, open func() (compute.Backend, error)) (compute.Backend, error) {
	type result struct {
		backend compute.Backend
		err     error
	}
	opened := make(chan result, 1)
	go func() {
		var r result
		r.err = panics.Recover(func() (err error) {
			r.backend, err = open()
			return err
		})
		opened <- r
	}()
	select {
	case r := <-opened:
		return r.backend, r.err
	case <-time.After(limit):
		return nil, fmt.Errorf("the plugin did not open its devices within %v", limit)
	}
}

// cause is an engine's error in one line.
func cause(err error) string {
	text := strings.Join(strings.Fields(err.Error()), " ")
	if strings.Contains(text, "No visible GPU devices") {
		return "the plugin sees no NVIDIA GPU, although there is a device file of one: does its driver run?"
	}
	return text
}

// locate turns a name into the engine's configuration and the plugin that is to be
// opened, if any: go-xla reads its search path before this package could set it, so
// it gets the path ("xla:cpu,option" becomes "xla:/path/plugin.so,option").
//
// The Go backend runs one operation at a time (each on all cores): in parallel, its
// workers deadlock as soon as as many While loops are ready as there are cores.
func locate(name string) (config string, p plugin, err error) {
	if name == GoName {
		return GoName + ":ops_sequential", plugin{}, nil
	}
	engine, rest, _ := strings.Cut(name, ":")
	platform, options, hasOptions := strings.Cut(rest, ",")
	switch {
	case engine == GoName:
		return name, plugin{}, nil
	case engine != "xla" || platform == "":
		return "", plugin{}, &NameError{Name: name}
	case !xlaCompiled:
		return "", plugin{}, fmt.Errorf("backend %s: this binary was built without cgo, which XLA needs: install a C compiler and set CGO_ENABLED=1, or use -backend go", name)
	}
	if filepath.IsAbs(platform) {
		if _, err := os.Stat(platform); err != nil {
			return "", plugin{}, fmt.Errorf("backend %s: %w", name, err)
		}
		return name, plugin{}, nil
	}
	if p, err = thisHost.find(platform); err != nil {
		return "", plugin{}, fmt.Errorf("backend %s: %w", name, err)
	}
	config = engine + ":" + p.path
	if hasOptions {
		config += "," + options
	}
	return config, p, nil
}

// Devices describes the devices of a backend.
func Devices(b compute.Backend) []string {
	devices := make([]string, b.NumDevices())
	for i := range devices {
		devices[i] = b.DeviceDescription(compute.DeviceNum(i))
	}
	return devices
}
