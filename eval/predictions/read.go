package predictions

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"eomt/data"
	"eomt/data/decode"
	"eomt/data/rle"
	"eomt/eval/postprocess"
)

// Read reads an image's prediction back; entry is what [Folder.Write] returned for
// it. Where the prediction was not kept, the error wraps [fs.ErrNotExist].
func (f Folder) Read(info data.ImageInfo, entry json.RawMessage) (postprocess.Segmentation, error) {
	s := postprocess.Segmentation{Task: f.Task}
	var err error
	switch {
	case f.Task == postprocess.TaskSemantic:
		s.Semantic, err = f.readLabels(info)
	case entry == nil:
		err = fs.ErrNotExist
	case f.Task == postprocess.TaskInstance:
		s.Instances, err = f.readDetections(entry)
	default:
		s.Panoptic, err = f.readPanoptic(entry)
	}
	if err != nil {
		return s, fmt.Errorf("predictions: read %s: %w", info.Name, err)
	}
	return s, nil
}

func (f Folder) readLabels(info data.ImageInfo) (*postprocess.Labels, error) {
	path := filepath.Join(f.Dir, f.File(info.Name))
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	l := &postprocess.Labels{}
	if l.Pix, l.W, l.H, err = decode.Labels(raw, path); err != nil {
		return nil, err
	}
	for i, id := range l.Pix {
		class, err := f.class(int(id))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		l.Pix[i] = uint16(class)
	}
	return l, nil
}

func (f Folder) readPanoptic(entry json.RawMessage) (*postprocess.PanopticMap, error) {
	var a panopticAnnotation
	if err := json.Unmarshal(entry, &a); err != nil {
		return nil, err
	}
	path := filepath.Join(f.Dir, PanopticDir, filepath.FromSlash(a.File))
	png, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	m := &postprocess.PanopticMap{}
	if m.IDs, m.W, m.H, err = decode.IDs(png, path); err != nil {
		return nil, err
	}
	for i, segment := range a.Segments {
		class, err := f.class(segment.Category)
		if err != nil {
			return nil, err
		}
		if segment.ID != uint32(i+1) {
			return nil, fmt.Errorf("segment %d has the id %d: want ids from 1, ascending", i+1, segment.ID)
		}
		m.Segments = append(m.Segments, postprocess.Segment{ID: segment.ID, Class: class, Score: segment.Score, Area: segment.Area})
	}
	if most := slices.Max(m.IDs); int64(most) > int64(len(m.Segments)) {
		return nil, fmt.Errorf("%s: pixels of segment %d, which is not in the JSON", path, most)
	}
	return m, nil
}

func (f Folder) readDetections(entry json.RawMessage) ([]postprocess.Detection, error) {
	var list []detection
	if err := json.Unmarshal(entry, &list); err != nil {
		return nil, err
	}
	found := []postprocess.Detection{}
	for _, d := range list {
		class, err := f.class(d.Category)
		if err != nil {
			return nil, err
		}
		mask, err := rle.FromString(d.Segmentation.Counts, d.Segmentation.Size[0], d.Segmentation.Size[1])
		if err != nil {
			return nil, err
		}
		found = append(found, postprocess.Detection{Class: class, Score: d.Score, Mask: mask})
	}
	return found, nil
}

// class is the index of a category.
func (f Folder) class(id int) (int, error) {
	i := slices.IndexFunc(f.Classes, func(c data.Class) bool { return c.ID == id })
	if i < 0 {
		return 0, fmt.Errorf("unknown category %d", id)
	}
	return i, nil
}
