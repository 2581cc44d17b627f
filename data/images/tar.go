package images

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"unicode"

	"eomt/internal/progress"
)

// maxBytes is the largest image in a tar or bucket that is read.
const maxBytes = 1 << 30

// isTar reports whether a source is a tar shard, or a pattern of several.
func isTar(name string) bool { return strings.HasSuffix(strings.ToLower(name), ".tar") }

// isCompressedTar reports a name of a tar that allows no reading from its middle.
func isCompressedTar(name string) bool {
	name = strings.ToLower(name)
	return strings.HasSuffix(name, ".tgz") || strings.Contains(path.Base(name), ".tar.")
}

// findInTars lists the images of the tar files of a pattern: see [Expand].
func findInTars(ctx context.Context, pattern string) ([]Image, error) {
	names := []string{pattern}
	if _, err := os.Stat(pattern); err != nil {
		if names, err = Expand(pattern); err != nil {
			return nil, err
		}
	}
	bar := progress.Start("list tar files", len(names))
	defer bar.Finish()
	var found []Image
	for i, name := range names {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		list, err := findInTar(name)
		if err != nil {
			return nil, err
		}
		found = append(found, list...)
		bar.Set(i+1, "")
	}
	return found, nil
}

func findInTar(file string) ([]Image, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	found, err := scanTar(f, file)
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("no sample has an image: want members KEY.ENDING, where KEY ends at the name's first dot (%s)", strings.Join(endings, ", "))
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return found, nil
}

// scanTar walks over the members' headers. Names are the keys of WebDataset, the path up
// to the first dot of its last part, with the image's ending.
func scanTar(f io.ReadSeeker, file string) ([]Image, error) {
	var found []Image
	members := map[string]string{}
	for r := tar.NewReader(f); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return found, nil
		}
		if err != nil && !errors.Is(err, tar.ErrInsecurePath) { // checked below
			return nil, fmt.Errorf("not a whole tar file (%w), after %d images", err, len(found))
		}
		key, ending, ok := sample(h.Name)
		if !ok || h.Typeflag == tar.TypeDir {
			continue
		}
		if err := checkMember(h); err != nil {
			return nil, err
		}
		if other, taken := members[key]; taken {
			return nil, fmt.Errorf("sample %s has two images, %s and %s", key, other, h.Name)
		}
		members[key] = h.Name
		offset, err := f.Seek(0, io.SeekCurrent)
		if err != nil {
			return nil, err
		}
		where, size := file+"/"+h.Name, h.Size
		found = append(found, Image{Name: key + ending, Path: where, read: func(context.Context) ([]byte, error) {
			return readPart(file, where, offset, size)
		}})
	}
}

// sample splits the name of a member that is an image.
func sample(name string) (key, ending string, ok bool) {
	dir, base := path.Split(strings.TrimPrefix(name, "./"))
	stem, rest, _ := strings.Cut(base, ".")
	return dir + stem, "." + rest, stem != "" && isImage("."+rest)
}

func checkMember(h *tar.Header) error {
	if err := checkName(h.Name); err != nil {
		return err
	}
	sparse := h.Typeflag == tar.TypeGNUSparse
	for name := range h.PAXRecords {
		sparse = sparse || strings.HasPrefix(name, "GNU.sparse.")
	}
	if h.Typeflag != tar.TypeReg || sparse {
		return fmt.Errorf("member %q is a link, device or sparse file: write the tar anew with plain files", h.Name)
	}
	return nil
}

// checkName refuses names that are not a path below a folder on all systems.
func checkName(name string) error {
	plain := strings.TrimPrefix(name, "./")
	if !fs.ValidPath(plain) || strings.ContainsRune(plain, '\\') || strings.ContainsFunc(plain, unicode.IsControl) {
		return fmt.Errorf("the name %q is refused: it is no plain path below a folder", name)
	}
	return nil
}

// readPart reads a member.
func readPart(file, where string, offset, size int64) ([]byte, error) {
	if size > maxBytes {
		return nil, fmt.Errorf("%s: %d bytes: at most %d are read", where, size, maxBytes)
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw := make([]byte, size)
	if _, err := f.ReadAt(raw, offset); err != nil {
		return nil, fmt.Errorf("%s: %w", where, err)
	}
	return raw, nil
}
