package hub

import (
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"

	hf "github.com/gomlx/go-huggingface/hub"
)

// ChecksumError reports a file with another checksum than on the hub. It has been
// removed, so that the next fetch downloads it from scratch.
type ChecksumError struct {
	File      string
	Have, Sum string
}

func (e *ChecksumError) Error() string {
	return fmt.Sprintf("%s has checksum %.12s..., the hub says %.12s...: damaged on the way, and removed; run again", e.File, e.Have, e.Sum)
}

var sumForm = regexp.MustCompile(`^[0-9a-f]{40}([0-9a-f]{24})?$`)

// sum is the checksum that the hub publishes of a file: SHA-256 of large ones,
// git's blob hash of the others. The cache names blobs by it.
func sum(file *hf.FileInfo) string {
	if file.LFS != nil {
		return file.LFS.SHA256
	}
	return file.BlobID
}

func (f *fetcher) blobPath(file *hf.FileInfo) string {
	return filepath.Join(f.cache, "blobs", sum(file))
}

// blob fetches a file into the cache's blobs, where go-huggingface finds it, and
// checks it, even if it was cached.
func (f *fetcher) blob(ctx context.Context, file *hf.FileInfo) error {
	if !sumForm.MatchString(sum(file)) {
		return fmt.Errorf("the hub gives no checksum of %s", file.Name)
	}
	path := f.blobPath(file)
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			return err
		}
		part := path + ".incomplete"
		if err := f.transfer(ctx, file, part); err != nil {
			return err
		}
		if err := check(file, part); err != nil {
			return err
		}
		return os.Rename(part, path)
	}
	return check(file, path)
}

// transfer downloads the rest of the file into part.
func (f *fetcher) transfer(ctx context.Context, file *hf.FileInfo, part string) (err error) {
	url, err := f.repo.FileURL(file.Name)
	if err != nil {
		return err
	}
	out, err := os.OpenFile(part, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o666)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	have, err := out.Seek(0, io.SeekEnd)
	if err != nil || have > 0 && have == file.Size {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	if f.Token != "" {
		request.Header.Set("Authorization", "Bearer "+f.Token) // not sent on to other hosts by net/http
	}
	if have > 0 {
		request.Header.Set("Range", fmt.Sprintf("bytes=%d-", have))
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	switch response.StatusCode {
	case http.StatusPartialContent:
	case http.StatusOK, http.StatusRequestedRangeNotSatisfiable: // from the start, or more than there is
		have = 0
		if err := out.Truncate(0); err != nil {
			return err
		}
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("%s was longer than on the hub and is removed", file.Name)
		}
	default:
		return fmt.Errorf("%s: the hub answers %s", file.Name, response.Status)
	}
	counted := &counter{out: out, done: have, total: file.Size, name: file.Name, report: f.Progress}
	if _, err := io.Copy(counted, response.Body); err != nil {
		return fmt.Errorf("%s: transfer stopped after %d of %d bytes: %w", file.Name, counted.done, file.Size, err)
	}
	return nil
}

// counter reports the progress of a transfer.
type counter struct {
	out         io.Writer
	done, total int64
	name        string
	report      func(file string, done, total int64)
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.out.Write(p)
	c.done += int64(n)
	if c.report != nil {
		c.report(c.name, c.done, c.total)
	}
	return n, err
}

// check compares a file with the hub's checksum and removes it where they differ.
func check(info *hf.FileInfo, path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	var digest hash.Hash
	if info.LFS != nil {
		digest = sha256.New()
	} else {
		size, err := file.Seek(0, io.SeekEnd)
		if err != nil {
			return err
		}
		if _, err := file.Seek(0, io.SeekStart); err != nil {
			return err
		}
		digest = sha1.New()
		fmt.Fprintf(digest, "blob %d\x00", size)
	}
	if _, err := io.Copy(digest, file); err != nil {
		return err
	}
	if have := hex.EncodeToString(digest.Sum(nil)); have != sum(info) {
		return errors.Join(&ChecksumError{info.Name, have, sum(info)}, os.Remove(path))
	}
	return nil
}
