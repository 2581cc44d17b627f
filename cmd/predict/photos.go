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

// endings are those that a folder's images are told by; a file that is named
// itself may have any.
var endings = []string{".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff"}

// photo is an image file; name is what it is called in the results.
type photo struct{ path, name string }

// findPhotos lists the named files, and the images in and below named folders,
// sorted. Names are made unique by a number.
func findPhotos(paths []string) ([]photo, error) {
	var found []photo
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

// unique adds numbers to names that would give files of one name, whose endings
// are their own.
func unique(photos []photo) {
	taken := map[string]bool{}
	for i := range photos {
		ending := filepath.Ext(photos[i].name)
		stem := strings.TrimSuffix(photos[i].name, ending)
		name := stem
		for n := 2; taken[name]; n++ {
			name = fmt.Sprintf("%s-%d", stem, n)
		}
		taken[name] = true
		photos[i].name = name + ending
	}
}

// photos is a data set without targets. Images are turned as their EXIF
// orientation asks, unlike those of evaluations.
type photos struct {
	files   []photo
	classes []data.Class
}

func (p *photos) Len() int              { return len(p.files) }
func (p *photos) Classes() []data.Class { return p.classes }

func (p *photos) Info(i int) data.ImageInfo {
	return data.ImageInfo{ImageID: int64(i + 1), Name: p.files[i].name}
}

func (p *photos) Load(i int) (*data.Sample, error) {
	raw, err := os.ReadFile(p.files[i].path)
	if err != nil {
		return nil, err
	}
	img, err := decode.ImageOriented(raw, p.files[i].path)
	if err != nil {
		return nil, err
	}
	return &data.Sample{ImageID: int64(i + 1), Name: p.files[i].name, Image: img, Masks: data.NewPlanes(img.W, img.H, 0)}, nil
}
