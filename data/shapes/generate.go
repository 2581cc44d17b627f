package shapes

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"

	"eomt/internal/panics"

	"golang.org/x/sync/errgroup"
)

// Config says what to generate. It is written to shapes.json in the data set's folder.
type Config struct {
	Dir   string `json:"-"` // the data set's folder; becomes a data.root
	Train int    `json:"train"`
	Val   int    `json:"val"`
	Size  int    `json:"size"` // longer side of the images in pixels, 32 or more
	Seed  uint64 `json:"seed"`
	// Things is the most things that an image has; 0 is 5. Their radius falls with its root.
	Things int `json:"things,omitempty"`
}

// version of the scenes: a data set of an older version is not the same.
const version = 1

type stamp struct {
	Version int `json:"version"`
	Config
}

const stampFile = "shapes.json"

// Generate writes the data set, unless a complete one of the same configuration
// exists, and logs this. It is built next to Dir and then renamed, so that Dir is
// never incomplete. Any other content of Dir is an error and is not changed.
// progress, which may be nil, is called after each image, from several goroutines
// at once.
func Generate(ctx context.Context, c Config, progress func(done, total int)) error {
	if c.Things < 0 || c.Things == 1 {
		return fmt.Errorf("shapes: generate: up to %d things in an image: want 2 or more, or 0 for %d", c.Things, usualThings)
	}
	if c.Size < 32 || c.Train < 0 || c.Val < 0 || c.Train+c.Val == 0 || c.Dir == "" {
		return fmt.Errorf("shapes: generate: want a folder, images and a size of 32 or more, got %d + %d images of %d pixels in %q",
			c.Train, c.Val, c.Size, c.Dir)
	}
	if exists, err := c.exists(); exists || err != nil {
		return err
	}
	if dir, err := filepath.Abs(c.Dir); err == nil {
		slog.Info("shapes: generating a data set that does not exist yet", "folder", dir, "images", c.Train+c.Val, "train", c.Train, "val", c.Val)
	}
	parent := filepath.Dir(c.Dir)
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return fmt.Errorf("shapes: generate: %w", err)
	}
	temp, err := os.MkdirTemp(parent, filepath.Base(c.Dir)+".partial-")
	if err != nil {
		return fmt.Errorf("shapes: generate: %w", err)
	}
	err = c.write(ctx, temp, progress)
	if err == nil {
		err = os.Chmod(temp, 0o755)
	}
	if err == nil {
		err = os.Rename(temp, c.Dir)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("shapes: generate %s: %w", c.Dir, err), os.RemoveAll(temp))
	}
	return nil
}

// exists reports whether this data set has been generated.
func (c Config) exists() (bool, error) {
	entries, err := os.ReadDir(c.Dir)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(entries) == 0 {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("shapes: generate: %w", err)
	}
	var found stamp
	raw, err := os.ReadFile(filepath.Join(c.Dir, stampFile))
	if err == nil {
		err = json.Unmarshal(raw, &found)
	}
	if err != nil {
		return false, fmt.Errorf("shapes: generate: %s holds something else; remove it or choose another folder", c.Dir)
	}
	found.Dir = c.Dir
	if want := (stamp{version, c}); found != want {
		return false, fmt.Errorf("shapes: generate: %s holds another generated data set (%s), not the one asked for (%s); remove it or choose another folder",
			c.Dir, found, want)
	}
	return true, nil
}

func (s stamp) String() string {
	text := fmt.Sprintf("%d + %d images of %d pixels, seed %d, scenes of version %d", s.Train, s.Val, s.Size, s.Seed, s.Version)
	if s.Things != 0 {
		text += fmt.Sprintf(" with up to %d things", s.Things)
	}
	return text
}

// write puts the whole data set into dir.
func (c Config) write(ctx context.Context, dir string, progress func(done, total int)) error {
	var done atomic.Int64
	tick := func() {
		if n := int(done.Add(1)); progress != nil {
			progress(n, c.Train+c.Val)
		}
	}
	for _, split := range []string{"train", "val"} {
		if err := c.writeSplit(ctx, dir, split, tick); err != nil {
			return err
		}
	}
	return writeJSON(filepath.Join(dir, stampFile), stamp{version, c})
}

func (c Config) writeSplit(ctx context.Context, dir, split string, tick func()) error {
	w := newWriter(dir, split)
	if err := w.makeFolders(); err != nil {
		return err
	}
	n := c.Train
	if split == "val" {
		n = c.Val
	}
	records := make([]record, n)
	workers, ctx := errgroup.WithContext(ctx)
	workers.SetLimit(runtime.GOMAXPROCS(0))
	for i := range n {
		workers.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			defer tick()
			return panics.Recover(func() (err error) {
				records[i], err = w.image(i, c.scene(split, i))
				return err
			})
		})
	}
	if err := workers.Wait(); err != nil {
		return err
	}
	return w.annotations(records)
}
