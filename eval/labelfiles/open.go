package labelfiles

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"eomt/data"
	"eomt/data/decode"
	"eomt/data/pngmap"
	"eomt/eval/iou"
)

// Pairs are ground-truth maps and their predictions, by ascending name.
type Pairs struct {
	Format Format
	pairs  []pair
}

type pair struct{ name, truth, pred string }

// Open looks up the label maps of two folders and all below them. It is an error
// if there is no ground truth, one has no prediction, a prediction has no ground
// truth, or two files are of the same image.
func Open(f Format, truthDir, predDir string) (*Pairs, error) {
	truth, err := find(f, truthDir, f.truthEnding)
	if err != nil {
		return nil, err
	}
	pred, err := find(f, predDir, ".png")
	if err != nil {
		return nil, err
	}
	if len(truth) == 0 {
		return nil, &data.FormatError{Path: truthDir, Reason: "no ground truth: want files *" + f.truthEnding}
	}
	p := &Pairs{Format: f}
	for _, name := range slices.Sorted(maps.Keys(truth)) {
		if pred[name] == "" {
			return nil, &data.FormatError{Path: predDir, Record: "image " + name, Reason: "missing prediction: the ground truth is " + truth[name]}
		}
		p.pairs = append(p.pairs, pair{name, truth[name], pred[name]})
	}
	for _, name := range slices.Sorted(maps.Keys(pred)) {
		if truth[name] == "" {
			return nil, &data.FormatError{Path: pred[name], Record: "image " + name, Reason: "extra prediction: it is not in the ground truth"}
		}
	}
	return p, nil
}

// find returns the files of a folder by what names their image.
func find(f Format, dir, ending string) (map[string]string, error) {
	files := map[string]string{}
	if _, err := os.Stat(dir); err != nil {
		return nil, fmt.Errorf("look up label maps: %w", err)
	}
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(name, ending) {
			return err
		}
		key := f.key(strings.TrimSuffix(name, ending))
		if key == "" {
			return nil
		}
		file := filepath.Join(dir, filepath.FromSlash(name))
		if files[key] != "" {
			return &data.FormatError{Path: file, Record: "image " + key, Reason: "duplicate: " + files[key] + " is of the same image"}
		}
		files[key] = file
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("look up label maps in %s: %w", dir, err)
	}
	return files, nil
}

// Len returns the number of images.
func (p *Pairs) Len() int { return len(p.pairs) }

// Image reads the two maps of image i. An error names the file.
func (p *Pairs) Image(i int) (iou.Image, error) {
	pair := p.pairs[i]
	img := iou.Image{Name: pair.name}
	var err error
	if img.Truth, err = readLabels(pair.truth); err != nil {
		return iou.Image{}, err
	}
	if img.Pred, err = readLabels(pair.pred); err != nil {
		return iou.Image{}, err
	}
	return img, nil
}

func readLabels(path string) (iou.Labels, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return iou.Labels{}, fmt.Errorf("read labels: %w", err)
	}
	labels, w, h, ok := pngmap.Labels(raw)
	if !ok {
		if labels, w, h, err = decode.Labels(raw, path); err != nil {
			return iou.Labels{}, err
		}
	}
	return iou.Labels{W: w, H: h, Pix: labels}, nil
}
