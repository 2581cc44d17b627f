package shards

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"

	"eomt/data"
	"eomt/eval/postprocess"
)

// ManifestName is the manifest's file in a shard's folder.
const ManifestName = "manifest.jsonl"

// format names the manifest's form; a change of the hash or of the fields needs another.
const format = "eomt-shard-1"

// Run is what one shard was made of; [Settings] are those of all shards.
type Run struct {
	Format string `json:"format"`
	Shard
	Own     int    `json:"own"` // images of this shard
	Backend string `json:"backend"`
	Settings
}

// Settings decide the results. Shards of different settings are not merged.
type Settings struct {
	Images    int              `json:"images"`  // of all shards
	List      string           `json:"list"`    // SHA-256 of their keys, in order, each with a newline
	Weights   string           `json:"weights"` // SHA-256 of the values
	Task      postprocess.Task `json:"task"`
	Size      [2]int           `json:"size"` // of the network's input, H and W
	Score     float64          `json:"score"`
	Overlap   float64          `json:"overlap"`
	TopK      int              `json:"top_k"`
	Drawn     float64          `json:"drawn"` // least score of drawn instances
	Precision string           `json:"precision"`
	Engine    string           `json:"engine"`
	Classes   []data.Class     `json:"classes"`
}

// differs names the first setting that is not the same, with both values; empty if all
// are.
func (s Settings) differs(other Settings) string {
	a, b := reflect.ValueOf(s), reflect.ValueOf(other)
	for i := range a.NumField() {
		x, y := a.Field(i).Interface(), b.Field(i).Interface()
		if reflect.DeepEqual(x, y) {
			continue
		}
		switch name := a.Type().Field(i).Tag.Get("json"); name {
		case "classes":
			return "other classes"
		case "list":
			return "another list of images"
		default:
			return fmt.Sprintf("%s %v, not %v", name, x, y)
		}
	}
	return ""
}

// The states of an image.
const (
	OK     = "ok"
	Failed = "failed"
)

// Record is a line of the manifest: an image that is done.
type Record struct {
	Index  int             `json:"index"` // in the list of all images
	Key    string          `json:"key"`
	Name   string          `json:"name"`
	Path   string          `json:"path"`
	SHA256 string          `json:"sha256,omitempty"` // of the image file, where it could be read
	Status string          `json:"status"`
	Error  string          `json:"error,omitempty"`
	Width  int             `json:"width,omitempty"`
	Height int             `json:"height,omitempty"`
	Files  []File          `json:"files,omitempty"`
	Entry  json.RawMessage `json:"entry,omitempty"` // in the JSON list of results
}

// File is a written file, by its path below the folder, with slashes.
type File struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// check reports a record that cannot be one of the run.
func (r Record) check(run Run) error {
	switch {
	case r.Index < 0 || r.Index >= run.Images:
		return fmt.Errorf("index %d of %d images", r.Index, run.Images)
	case !run.Has(r.Key):
		return fmt.Errorf("image %q is not of shard %s", r.Key, run.Shard)
	case r.Status != OK && r.Status != Failed:
		return fmt.Errorf("status %q: want %s or %s", r.Status, OK, Failed)
	}
	for _, file := range r.Files {
		if !filepath.IsLocal(filepath.FromSlash(file.Name)) {
			return fmt.Errorf("file %q is outside of the folder", file.Name)
		}
	}
	return nil
}

// Manifest is a manifest in memory, without entries.
type Manifest struct {
	Run
	dir    string
	images map[int]image
	size   int64 // bytes of whole lines
}

// image is what is kept of a record.
type image struct {
	key    string
	ok     bool
	offset int64 // of its line
	length int
}

// Read reads the manifest in a shard's folder. A last line that was not written whole is
// left out. The error wraps [fs.ErrNotExist] where there is no manifest, or none whose
// first line is whole.
func Read(dir string) (*Manifest, error) {
	path := filepath.Join(dir, ManifestName)
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("shards: %w", err)
	}
	defer file.Close()
	m, err := scan(file)
	if err != nil {
		return nil, fmt.Errorf("shards: %s: %w", path, err)
	}
	m.dir = dir
	return m, nil
}

func scan(r io.Reader) (*Manifest, error) {
	m := &Manifest{images: map[int]image{}}
	keys := map[string]int{}
	reader := bufio.NewReaderSize(r, 1<<20)
	for n := 1; ; n++ {
		line, err := reader.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			if n == 1 {
				return nil, fmt.Errorf("no first line: %w", fs.ErrNotExist)
			}
			return m, nil
		}
		if err == nil && n == 1 {
			err = m.begin(line)
		} else if err == nil {
			err = m.add(line, keys)
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w: remove the folder and predict this shard again", n, err)
		}
		m.size += int64(len(line))
	}
}

func (m *Manifest) begin(line []byte) error {
	if err := json.Unmarshal(line, &m.Run); err != nil {
		return err
	}
	switch {
	case m.Format != format:
		return fmt.Errorf("format %q: this version reads %s", m.Format, format)
	case m.Of < 1 || m.Index < 0 || m.Index >= m.Of:
		return fmt.Errorf("shard %s does not exist", m.Shard)
	case m.Own < 0 || m.Own > m.Images:
		return fmt.Errorf("%d of %d images", m.Own, m.Images)
	}
	return nil
}

// add takes a record; an image that failed may be recorded again.
func (m *Manifest) add(line []byte, keys map[string]int) error {
	var r Record
	if err := json.Unmarshal(bytes.TrimSuffix(line, []byte("\n")), &r); err != nil {
		return err
	}
	if err := r.check(m.Run); err != nil {
		return err
	}
	before, again := m.images[r.Index]
	if again && (before.ok || before.key != r.Key) {
		return fmt.Errorf("a second record of image %d, %q", r.Index, r.Key)
	}
	if other, taken := keys[r.Key]; taken && other != r.Index {
		return fmt.Errorf("images %d and %d are both %q", other, r.Index, r.Key)
	}
	keys[r.Key] = r.Index
	m.images[r.Index] = image{r.Key, r.Status == OK, m.size, len(line)}
	return nil
}

// record reads an image's record again.
func (m *Manifest) record(file io.ReaderAt, index int) (Record, error) {
	at := m.images[index]
	line := make([]byte, at.length)
	var r Record
	_, err := file.ReadAt(line, at.offset)
	if err == nil {
		err = json.Unmarshal(line, &r)
	}
	if err != nil {
		return r, fmt.Errorf("shards: read %s again: %w", filepath.Join(m.dir, ManifestName), err)
	}
	return r, nil
}
