package backend

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/gomlx/compute"
	_ "github.com/gomlx/compute/gobackend"
)

// GoName is the backend that is always there.
const GoName = "go"

// Choice is the backend to open and why.
type Choice struct {
	Name   string // as GOMLX_BACKEND takes it: "xla:cuda", "xla:tpu", "xla:cpu", "go"
	Reason string
	Hint   string // how to get a faster one; empty where there is nothing to gain
}

// String is the one line that a command prints.
func (c Choice) String() string {
	s := fmt.Sprintf("backend %s (%s)", c.Name, c.Reason)
	if c.Hint != "" {
		s += "; " + c.Hint
	}
	return s
}

// preference is the order in which installed plugins are taken.
var preference = []string{"cuda", "tpu", "cpu"}

// Choose decides on a backend: the flag's value, else GOMLX_BACKEND, else the
// best plugin found, else "go".
func Choose(flag string) Choice {
	if flag != "" {
		return Choice{Name: flag, Reason: "named by -backend"}
	}
	if env := os.Getenv("GOMLX_BACKEND"); env != "" {
		return Choice{Name: env, Reason: "named by GOMLX_BACKEND"}
	}
	if !xlaCompiled {
		return Choice{Name: GoName, Reason: "built without cgo",
			Hint: "a C compiler and `make setup` give xla:cpu, several times faster"}
	}
	for _, platform := range preference {
		if pluginPath(platform) == "" {
			continue
		}
		c := Choice{Name: "xla:" + platform, Reason: "best PJRT plugin found"}
		if platform == "cpu" {
			c.Hint = "with an NVIDIA GPU `make setup PJRT=cuda13` gives xla:cuda"
		}
		return c
	}
	return Choice{Name: GoName, Reason: "no PJRT plugin found in " + strings.Join(pluginDirs(), ", "),
		Hint: "`make setup` gives xla:cpu, several times faster"}
}

// Open opens the chosen backend.
func Open(c Choice) (compute.Backend, error) {
	if strings.HasPrefix(c.Name, "xla") && !xlaCompiled {
		return nil, fmt.Errorf("backend %s: this binary was built without cgo, which XLA needs: install a C compiler and set CGO_ENABLED=1, or use -backend go", c.Name)
	}
	b, err := compute.NewWithConfig(located(c.Name))
	if err != nil {
		// The engine's error carries a stack trace in its %+v form only.
		return nil, fmt.Errorf("backend %s: %v (plugins are searched in %s; `make setup` installs one, -backend go needs none)",
			c.Name, err, strings.Join(pluginDirs(), ", "))
	}
	return b, nil
}

// located puts the path of an installed plugin in place of its platform's name
// ("xla:cpu,option" becomes "xla:/path/plugin.so,option"): go-xla reads its search
// path before this package could set it. A name that is not found stays.
//
// The Go backend runs one operation at a time (each on all cores): running them
// side by side, its workers wait for each other for ever as soon as there are as
// many While loops ready as cores.
func located(name string) string {
	if name == GoName {
		return GoName + ":ops_sequential"
	}
	engine, plugin, ok := strings.Cut(name, ":")
	if engine != "xla" || !ok {
		return name
	}
	platform, options, hasOptions := strings.Cut(plugin, ",")
	path := pluginPath(platform)
	if path == "" {
		return name
	}
	if hasOptions {
		path += "," + options
	}
	return engine + ":" + path
}

// pluginPath is the installed plugin of a platform, or empty.
func pluginPath(platform string) string {
	for _, dir := range pluginDirs() {
		path := filepath.Join(dir, "pjrt_c_api_"+platform+"_plugin.so")
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return path
		}
	}
	return ""
}

// CacheDir is the folder that `make setup` fills with PJRT plugins:
// $EOMT_CACHE/pjrt, else eomt/pjrt in the user's cache folder.
func CacheDir() string {
	if dir := os.Getenv("EOMT_CACHE"); dir != "" {
		return filepath.Join(dir, "pjrt")
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		dir = os.TempDir()
	}
	return filepath.Join(dir, "eomt", "pjrt")
}

func pluginDirs() []string {
	if env := os.Getenv(pluginPathEnv); env != "" {
		return filepath.SplitList(env)
	}
	return []string{CacheDir()}
}

// pluginPathEnv is PJRT's list of folders with plugins; unset, it is [CacheDir].
const pluginPathEnv = "PJRT_PLUGIN_LIBRARY_PATH"
