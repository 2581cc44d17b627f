package archive

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// Find opens the first of the places that exists below root; places are folders
// as [Open] takes them. The error lists all that were tried.
func Find(root string, places ...string) (Source, error) {
	if err := checkRoot(root); err != nil {
		return nil, err
	}
	for _, place := range places {
		src, err := Open(under(root, place))
		if err == nil {
			return src, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	return nil, notFound(root, places)
}

// FindFile is [Find] for single files: it returns the source of the file's folder
// and the file's name in it.
func FindFile(root string, files ...string) (Source, string, error) {
	if err := checkRoot(root); err != nil {
		return nil, "", err
	}
	for _, file := range files {
		src, err := Open(under(root, path.Dir(file)))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, "", err
		}
		if name := path.Base(file); src.Has(name) {
			return src, name, nil
		}
		if err := src.Close(); err != nil {
			return nil, "", err
		}
	}
	return nil, "", notFound(root, files)
}

// under joins root and place, which may be absolute.
func under(root, place string) string {
	if filepath.IsAbs(place) {
		return place
	}
	return filepath.Join(root, filepath.FromSlash(place))
}

func checkRoot(root string) error {
	switch {
	case root == "":
		return errors.New("archive: no data folder named; set data.root to the folder that holds the data set")
	case !isDir(root):
		return fmt.Errorf("archive: data folder %s does not exist; set data.root to the folder that holds the data set: %w",
			root, fs.ErrNotExist)
	}
	return nil
}

func notFound(root string, places []string) error {
	return fmt.Errorf("archive: under %s: none of %s found; put one of them there or set data.root: %w",
		root, strings.Join(places, ", "), fs.ErrNotExist)
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}
