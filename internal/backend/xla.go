//go:build cgo && !noxla && (linux || darwin)

package backend

import "github.com/gomlx/go-xla/compute/xla"

const xlaCompiled = true

// Automatic download is off: it needs hosts that many labs' nodes do not reach
// and ends the process where it fails.
func init() { xla.EnableAutoInstall(false) }
