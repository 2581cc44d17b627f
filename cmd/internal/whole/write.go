package whole

import (
	"errors"
	"io/fs"
	"os"
)

// WriteFile writes content beside the path and moves it there. On an error what the
// path held stays, and nothing is left beside it.
func WriteFile(path string, content []byte) error {
	part := path + ".part"
	err := os.WriteFile(part, content, 0o666)
	if err == nil {
		err = os.Rename(part, path)
	}
	if err == nil {
		return nil
	}
	if left := os.Remove(part); !errors.Is(left, fs.ErrNotExist) {
		err = errors.Join(err, left)
	}
	return err
}
