//go:build cgo && !noxla && (linux || darwin)

package backend

import (
	"os"

	"github.com/gomlx/go-xla/compute/xla"
)

const xlaCompiled = true

// Automatic download is off: it needs hosts that many labs' nodes do not reach
// and ends the process where it fails.
func init() {
	xla.EnableAutoInstall(false)
	if os.Getenv(pluginPathEnv) == "" {
		if _, err := os.Stat(CacheDir()); err == nil {
			os.Setenv(pluginPathEnv, CacheDir())
		}
	}
}

func plugins() []string { return xla.GetAvailablePlugins() }
