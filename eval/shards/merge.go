package shards

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"eomt/data"
	"eomt/eval/predictions"
)

// Set is one or more shards of one run that are complete in themselves.
type Set struct {
	Settings
	Failed int // images without a prediction
	shards []*Manifest
	owner  map[int]*Manifest // by an image's index
}

// Only is a set of one shard, whatever others the run has.
func Only(m *Manifest) (*Set, error) { return newSet([]*Manifest{m}) }

// Gather reads all shards of a run. A shard that is missing, incomplete, there twice or of
// another run is an error, as is an image that is in no shard or in two.
func Gather(dirs []string) (*Set, error) {
	var list []*Manifest
	for _, dir := range dirs {
		m, err := Read(dir)
		if errors.Is(err, os.ErrNotExist) {
			err = fmt.Errorf("%w: %s is not the folder of a shard", err, dir)
		}
		if err != nil {
			return nil, err
		}
		list = append(list, m)
	}
	there := map[int]string{}
	for _, m := range list {
		if what := m.differs(list[0].Settings); what != "" {
			return nil, fmt.Errorf("shards: %s was predicted with %s as in %s: they are of different runs", m.dir, what, list[0].dir)
		}
		if m.Of != list[0].Of {
			return nil, fmt.Errorf("shards: %s is one of %d shards, %s one of %d", m.dir, m.Of, list[0].dir, list[0].Of)
		}
		if other, taken := there[m.Index]; taken {
			return nil, fmt.Errorf("shards: %s and %s are both shard %s", other, m.dir, m.Shard)
		}
		there[m.Index] = m.dir
	}
	for i := range list[0].Of {
		if _, ok := there[i]; !ok {
			return nil, fmt.Errorf("shards: shard %s is missing: %d of %d are named", Shard{i, list[0].Of}, len(list), list[0].Of)
		}
	}
	s, err := newSet(list)
	if err != nil {
		return nil, err
	}
	return s, s.checkList()
}

func newSet(list []*Manifest) (*Set, error) {
	s := &Set{Settings: list[0].Settings, shards: list, owner: map[int]*Manifest{}}
	for _, m := range list {
		if n := len(m.images); n != m.Own {
			return nil, fmt.Errorf("shards: %s has %d of the %d images of shard %s: predict it with the same command again", m.dir, n, m.Own, m.Shard)
		}
		for index, at := range m.images {
			if other := s.owner[index]; other != nil {
				return nil, fmt.Errorf("shards: image %d, %q, is in %s and in %s", index, at.key, other.dir, m.dir)
			}
			s.owner[index] = m
			if !at.ok {
				s.Failed++
			}
		}
	}
	return s, nil
}

// checkList holds the keys of all images against the list that the run began with.
func (s *Set) checkList() error {
	if n := len(s.owner); n != s.Images {
		return fmt.Errorf("shards: %d of %d images are in no shard", s.Images-n, s.Images)
	}
	sum := sha256.New()
	for i := range s.Images {
		fmt.Fprintln(sum, s.owner[i].images[i].key)
	}
	if fmt.Sprintf("%x", sum.Sum(nil)) != s.List {
		return fmt.Errorf("shards: the images of the shards are not those of the run's list")
	}
	return nil
}

// WriteLists writes the JSON files of the shards' images into f.
func (s *Set) WriteLists(f predictions.Folder) error {
	return s.write(f, func(*Manifest, File) error { return nil }, func(int) {})
}

// Merge writes the results of all shards into f: the files that the run would have
// written without shards. list is told of each before it is written, in order; count of
// the images that are done.
func (s *Set) Merge(ctx context.Context, f predictions.Folder, list func(file string) error, count func(int)) error {
	return s.write(f, func(m *Manifest, file File) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		name := filepath.FromSlash(file.Name)
		if err := list(name); err != nil {
			return err
		}
		return copyChecked(filepath.Join(m.dir, name), filepath.Join(f.Dir, name), file)
	}, count)
}

func (s *Set) write(f predictions.Folder, each func(*Manifest, File) error, count func(int)) error {
	open := map[*Manifest]*os.File{}
	for _, m := range s.shards {
		file, err := os.Open(filepath.Join(m.dir, ManifestName))
		if err != nil {
			return fmt.Errorf("shards: %w", err)
		}
		defer file.Close()
		open[m] = file
	}
	read := func(i int) (Record, error) { return s.owner[i].record(open[s.owner[i]], i) }
	var infos []data.ImageInfo
	var failures []predictions.Failure
	for n, i := range slices.Sorted(maps.Keys(s.owner)) {
		r, err := read(i)
		if err != nil {
			return err
		}
		for _, file := range r.Files {
			if err := each(s.owner[i], file); err != nil {
				return err
			}
		}
		if r.Status == Failed {
			failures = append(failures, predictions.Failure{File: r.Path, Error: r.Error})
		} else {
			infos = append(infos, data.ImageInfo{ImageID: int64(i + 1), Name: r.Name, W: r.Width, H: r.Height})
		}
		count(n + 1)
	}
	entry := func(k int) (json.RawMessage, error) {
		r, err := read(int(infos[k].ImageID - 1))
		return r.Entry, err
	}
	return errors.Join(f.Finish(infos, entry), f.WriteImages(infos), f.WriteFailed(failures))
}

// copyChecked copies a file that must have the content which the manifest states.
func copyChecked(from, to string, want File) error {
	in, err := os.Open(from)
	if err != nil {
		return fmt.Errorf("shards: copy: %w", err)
	}
	defer in.Close()
	if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
		return fmt.Errorf("shards: copy: %w", err)
	}
	out, err := os.Create(to)
	if err != nil {
		return fmt.Errorf("shards: copy: %w", err)
	}
	sum := sha256.New()
	_, err = io.Copy(io.MultiWriter(out, sum), in)
	if err := errors.Join(err, out.Close()); err != nil {
		return fmt.Errorf("shards: copy %s: %w", from, err)
	}
	if fmt.Sprintf("%x", sum.Sum(nil)) != want.SHA256 {
		return fmt.Errorf("shards: %s is not what %s says: copy the shard's folder again, or predict the shard again", from, ManifestName)
	}
	return nil
}
