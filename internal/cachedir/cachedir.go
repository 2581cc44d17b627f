// Package cachedir says where fetched files are kept.
package cachedir

import (
	"os"
	"path/filepath"
)

// Path is the folder that `make setup` fills: $EOMT_CACHE, otherwise eomt in the user's
// cache folder.
func Path() string {
	if dir := os.Getenv("EOMT_CACHE"); dir != "" {
		return dir
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		dir = os.TempDir()
	}
	return filepath.Join(dir, "eomt")
}
