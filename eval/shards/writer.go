package shards

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/gofrs/flock"

	"eomt/internal/appendfile"
	"eomt/internal/atomicfile"
)

// The names in a shard's folder while it is written.
const (
	stagingDir = ".writing"
	lockName   = ".lock"
)

// Writer writes a shard's folder. Its methods are safe for concurrent use.
type Writer struct {
	mu       sync.Mutex
	manifest *Manifest
	file     *appendfile.File
	lock     *flock.Flock
	made     int // staging folders
}

// lockTime is how long a folder may stay locked: a killed process holds its lock until
// the system has taken it down.
const lockTime = 10 * time.Second

// Open begins the shard of a run in a folder, or goes on with it. A folder of another run
// or with other files, and one that another process writes, is an error.
func Open(ctx context.Context, dir string, run Run) (*Writer, error) {
	run.Format = format
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, fmt.Errorf("shards: %w", err)
	}
	w := &Writer{lock: flock.New(filepath.Join(dir, lockName))}
	waiting, cancel := context.WithTimeout(ctx, lockTime)
	defer cancel()
	_, err := w.lock.TryLockContext(waiting, lockTime/100)
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("another process is writing %s", dir)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("shards: lock: %w", err), w.lock.Close())
	}
	if err := w.open(dir, run); err != nil {
		return nil, errors.Join(err, w.lock.Close())
	}
	return w, nil
}

func (w *Writer) open(dir string, run Run) error {
	left, err := Read(dir)
	if errors.Is(err, fs.ErrNotExist) {
		left, err = w.begin(dir, run)
	}
	if err != nil {
		return err
	}
	what := left.differs(run.Settings)
	if left.Shard != run.Shard {
		what = fmt.Sprintf("shard %s, not %s", left.Shard, run.Shard)
	}
	if what != "" {
		return fmt.Errorf("shards: %s was begun with %s: name another folder, or remove it", dir, what)
	}
	if err := left.checkFiles(); err != nil {
		return err
	}
	if err := os.RemoveAll(filepath.Join(dir, stagingDir)); err != nil {
		return fmt.Errorf("shards: %w", err)
	}
	path := filepath.Join(dir, ManifestName)
	if err := os.Truncate(path, left.size); err != nil {
		return fmt.Errorf("shards: %w", err)
	}
	if w.file, err = appendfile.Open(path); err != nil {
		return fmt.Errorf("shards: %w", err)
	}
	w.manifest = left
	return nil
}

// begin writes the first line of a manifest into a folder that has no other files.
func (w *Writer) begin(dir string, run Run) (*Manifest, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("shards: %w", err)
	}
	for _, entry := range entries {
		if name := entry.Name(); name != lockName && name != ManifestName && name != ManifestName+".part" {
			return nil, fmt.Errorf("shards: %s already exists, and the folder has no %s of an interrupted shard: remove it, or name another folder", filepath.Join(dir, name), ManifestName)
		}
	}
	line, err := json.Marshal(run)
	if err == nil {
		err = atomicfile.WriteBytes(filepath.Join(dir, ManifestName), append(line, '\n'))
	}
	if err != nil {
		return nil, fmt.Errorf("shards: begin: %w", err)
	}
	return Read(dir)
}

// checkFiles reports a file of an image that is done which is gone or of another size.
func (m *Manifest) checkFiles() error {
	file, err := os.Open(filepath.Join(m.dir, ManifestName))
	if err != nil {
		return fmt.Errorf("shards: %w", err)
	}
	defer file.Close()
	for index, at := range m.images {
		if !at.ok {
			continue
		}
		r, err := m.record(file, index)
		if err != nil {
			return err
		}
		for _, f := range r.Files {
			info, err := os.Stat(filepath.Join(m.dir, filepath.FromSlash(f.Name)))
			if err != nil || info.Size() != f.Size {
				return fmt.Errorf("shards: %s is not as %s says: remove %s and predict this shard again", f.Name, ManifestName, m.dir)
			}
		}
	}
	return nil
}

// Done reports whether an image has its results. One that failed is tried again.
func (w *Writer) Done(index int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.manifest.images[index].ok
}

// Add has write write an image's files below another folder and return their paths
// there and the image's entry. The files are moved to their place when all are on disk, and
// then the image is recorded.
func (w *Writer) Add(r Record, write func(dir string) (files []string, entry json.RawMessage, err error)) error {
	w.mu.Lock()
	w.made++
	staging := filepath.Join(w.manifest.dir, stagingDir, fmt.Sprint(w.made))
	w.mu.Unlock()
	if err := os.MkdirAll(staging, 0o777); err != nil {
		return fmt.Errorf("shards: %w", err)
	}
	files, entry, err := write(staging)
	if err != nil {
		return err
	}
	r.Status, r.Entry = OK, entry
	for _, name := range files {
		f, err := place(staging, w.manifest.dir, name)
		if err != nil {
			return fmt.Errorf("shards: %w", err)
		}
		r.Files = append(r.Files, f)
	}
	if err := os.RemoveAll(staging); err != nil {
		return fmt.Errorf("shards: %w", err)
	}
	return w.append(r)
}

// place forces a file to disk and moves it.
func place(from, to, name string) (File, error) {
	file, err := os.Open(filepath.Join(from, name))
	if err != nil {
		return File{}, err
	}
	sum := sha256.New()
	size, err := io.Copy(sum, file)
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return File{}, err
	}
	target := filepath.Join(to, name)
	if err := os.MkdirAll(filepath.Dir(target), 0o777); err != nil {
		return File{}, err
	}
	return File{filepath.ToSlash(name), size, fmt.Sprintf("%x", sum.Sum(nil))}, atomicfile.Rename(file.Name(), target)
}

// Fail records an image that has no prediction.
func (w *Writer) Fail(r Record, err error) error {
	r.Status, r.Error = Failed, err.Error()
	return w.append(r)
}

func (w *Writer) append(r Record) error {
	if err := r.check(w.manifest.Run); err != nil {
		return fmt.Errorf("shards: record: %w", err)
	}
	line, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("shards: record: %w", err)
	}
	line = append(line, '\n')
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := errors.Join(w.file.Append(line), w.file.Sync()); err != nil {
		return fmt.Errorf("shards: record: %w", err)
	}
	w.manifest.images[r.Index] = image{r.Key, r.Status == OK, w.manifest.size, len(line)}
	w.manifest.size += int64(len(line))
	return nil
}

// Manifest is what the folder has now.
func (w *Writer) Manifest() *Manifest { return w.manifest }

// Close ends the writing, whether or not the shard is complete.
func (w *Writer) Close() error {
	left := os.RemoveAll(filepath.Join(w.manifest.dir, stagingDir))
	return errors.Join(left, w.file.Close(), w.lock.Close())
}
