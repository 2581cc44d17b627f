package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"eomt/data"
	"eomt/data/decode"
)

// endings are those of a folder's images; a file that is named itself may have any.
var endings = []string{".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff"}

// photo is an image file; name is what it is called in the results.
type photo struct{ path, name string }

// findPhotos lists the named files, and the images in and below named folders,
// sorted. Names are made unique by a number.
func findPhotos(paths []string) (photos, error) {
	var found photos
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return nil, fmt.Errorf("find images: %w", err)
		}
		if !info.IsDir() {
			found = append(found, photo{path, filepath.Base(path)})
			continue
		}
		before := len(found)
		err = filepath.WalkDir(path, func(file string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !slices.Contains(endings, strings.ToLower(filepath.Ext(file))) {
				return err
			}
			name, err := filepath.Rel(path, file)
			found = append(found, photo{file, filepath.ToSlash(name)})
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("find images in %s: %w", path, err)
		}
		if len(found) == before {
			return nil, fmt.Errorf("find images: %s has none (%s)", path, strings.Join(endings, ", "))
		}
	}
	unique(found)
	return found, nil
}

// unique adds numbers to names that differ in nothing but their ending, so that
// their results get files of different names.
func unique(list photos) {
	taken := map[string]bool{}
	for i := range list {
		ending := filepath.Ext(list[i].name)
		stem := strings.TrimSuffix(list[i].name, ending)
		name := stem
		for n := 2; taken[name]; n++ {
			name = fmt.Sprintf("%s-%d", stem, n)
		}
		taken[name] = true
		list[i].name = name + ending
	}
}

// photos are the images of a run, turned upright as their EXIF orientation says.
// It is an [inference.Source].
type photos []photo

// info numbers images from 1 in the order of the command line, whichever fail.
func (p photos) info(i int) data.ImageInfo {
	return data.ImageInfo{ImageID: int64(i + 1), Name: p[i].name}
}

// indices are those of all images.
func (p photos) indices() []int {
	list := make([]int, len(p))
	for i := range list {
		list[i] = i
	}
	return list
}

func (p photos) Load(i int) (*data.Sample, error) {
	raw, err := readRegular(p[i].path)
	if err != nil {
		return nil, err
	}
	img, err := decode.ImageOriented(raw, p[i].path)
	if err != nil {
		return nil, err
	}
	return &data.Sample{Name: p[i].name, Image: img}, nil
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
