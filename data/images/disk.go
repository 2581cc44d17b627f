package images

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// findOnDisk is the file at path, or the images in and below the folder.
func findOnDisk(path string) ([]Image, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return []Image{onDisk(filepath.Base(path), path)}, nil
	}
	var found []Image
	err = filepath.WalkDir(path, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !isImage(filepath.Ext(file)) {
			return err
		}
		name, err := filepath.Rel(path, file)
		found = append(found, onDisk(filepath.ToSlash(name), file))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(found) == 0 {
		return nil, none(path)
	}
	return found, nil
}

func none(where string) error {
	return fmt.Errorf("%s has none (%s)", where, strings.Join(endings, ", "))
}

func onDisk(name, path string) Image {
	return Image{Name: name, Path: path, read: func(context.Context) ([]byte, error) { return readRegular(path) }}
}

// readRegular reads a file; a pipe or device, which may never end, is an error.
func readRegular(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: not a regular file", path)
	}
	return os.ReadFile(path)
}
