package images

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
)

// endings are those of a source's images; a file that is named itself may have any.
var endings = []string{".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff"}

// ErrUnavailable is in the errors of [Image.Read] that say nothing about the image: its
// source cannot be reached. Another attempt may succeed.
var ErrUnavailable = errors.New("the source is unavailable")

// Image is an image file.
type Image struct {
	Name string // in the results, with slashes and ending; no other of its list has the same name but for the ending
	Path string // where it is, for messages
	read func(ctx context.Context) ([]byte, error)
}

// Key is the image's name without its ending.
func (i Image) Key() string { return strings.TrimSuffix(i.Name, path.Ext(i.Name)) }

// Read reads the file.
func (i Image) Read(ctx context.Context) ([]byte, error) { return i.read(ctx) }

// Find lists the named files; the images in and below named folders and s3://BUCKET/PREFIX,
// sorted; and those of tar shards, in the tar's order, whose names may have braces. Keys
// that occur again get a number: photo.jpg and photo.png are photo and photo-2.
func Find(ctx context.Context, paths []string) ([]Image, error) {
	var found []Image
	for _, path := range paths {
		list, err := find(ctx, path)
		if err != nil {
			return nil, fmt.Errorf("find images: %w", err)
		}
		found = append(found, list...)
	}
	unique(found)
	return found, nil
}

func find(ctx context.Context, source string) ([]Image, error) {
	switch {
	case strings.HasPrefix(source, bucketScheme):
		return findInBucket(ctx, source)
	case isCompressedTar(source):
		return nil, fmt.Errorf("%s: a compressed tar is not read: unpack it to a plain .tar", source)
	case isTar(source):
		return findInTars(ctx, source)
	}
	return findOnDisk(source)
}

// unique adds numbers to names that differ in nothing but their ending, so that
// their results get files of different names.
func unique(list []Image) {
	taken, next := map[string]bool{}, map[string]int{}
	for i := range list {
		stem, ending := list[i].Key(), path.Ext(list[i].Name)
		name, n := stem, max(2, next[stem])
		for ; taken[name]; n++ {
			name = fmt.Sprintf("%s-%d", stem, n)
		}
		taken[name], next[stem] = true, n
		list[i].Name = name + ending
	}
}

// Sum is the SHA-256 of the keys, each with a newline behind it, in order.
func Sum(list []Image) string {
	sum := sha256.New()
	for _, image := range list {
		fmt.Fprintln(sum, image.Key())
	}
	return fmt.Sprintf("%x", sum.Sum(nil))
}

func isImage(ending string) bool { return slices.Contains(endings, strings.ToLower(ending)) }
