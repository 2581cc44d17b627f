package cocofiles

import (
	"fmt"
	"os"
	"path/filepath"

	"eomt/data"
	"eomt/data/decode"
	"eomt/data/jsonscan"
	"eomt/data/pngmap"
	"eomt/eval/pq"
)

// Panoptic is a ground truth and a prediction in COCO's panoptic format.
type Panoptic struct {
	Classes []data.Class // the ground truth's categories, in order
	images  []panopticPair
}

type panopticPair struct {
	id          int64
	truth, pred panopticMap
}

// panopticMap is one annotation of one file.
type panopticMap struct {
	png      string // path
	segments []pq.Segment
}

// OpenPanoptic reads both JSON files. The PNG maps lie in the folders; an empty
// folder name stands for the JSON's own name without its ending, as in
// panopticapi. It is an error if an image has no prediction, a prediction no
// image, or an image is listed twice.
func OpenPanoptic(truthJSON, truthDir, predJSON, predDir string) (*Panoptic, error) {
	truth, err := readPanoptic(truthJSON, truthDir, true)
	if err != nil {
		return nil, err
	}
	pred, err := readPanoptic(predJSON, predDir, false)
	if err != nil {
		return nil, err
	}
	p := &Panoptic{Classes: truth.classes, images: make([]panopticPair, 0, len(truth.ids))}
	for _, id := range truth.ids {
		m, predicted := pred.maps[id]
		if !predicted {
			return nil, imageError(predJSON, id, "missing prediction: it is in the ground truth")
		}
		p.images = append(p.images, panopticPair{id, truth.maps[id], m})
	}
	for _, id := range pred.ids {
		if _, known := truth.maps[id]; !known {
			return nil, imageError(predJSON, id, "extra prediction: it is not in the ground truth")
		}
	}
	return p, nil
}

func imageError(path string, id int64, reason string) error {
	return &data.FormatError{Path: path, Record: fmt.Sprintf("image %d", id), Reason: reason}
}

// Len returns the number of images.
func (p *Panoptic) Len() int { return len(p.images) }

// Image reads the two maps of image i. An error names their files.
func (p *Panoptic) Image(i int) (pq.Image, error) {
	pair := p.images[i]
	img := pq.Image{ID: pair.id}
	var err error
	if img.Truth, err = pair.truth.read(); err != nil {
		return pq.Image{}, fmt.Errorf("image %d: %w", pair.id, err)
	}
	if img.Pred, err = pair.pred.read(); err != nil {
		return pq.Image{}, fmt.Errorf("image %d: %w", pair.id, err)
	}
	return img, nil
}

func (m panopticMap) read() (pq.Map, error) {
	raw, err := os.ReadFile(m.png)
	if err != nil {
		return pq.Map{}, fmt.Errorf("read map: %w", err)
	}
	ids, w, h, ok := pngmap.IDs(raw)
	if !ok {
		if ids, w, h, err = decode.IDs(raw, m.png); err != nil {
			return pq.Map{}, err
		}
	}
	return pq.Map{W: w, H: h, IDs: ids, Segments: m.segments}, nil
}

// panopticFile is the content of one JSON file.
type panopticFile struct {
	classes []data.Class
	ids     []int64 // of images, in the order of the annotations
	maps    map[int64]panopticMap
}

func readPanoptic(path, dir string, truth bool) (panopticFile, error) {
	if dir == "" {
		dir = path[:len(path)-len(filepath.Ext(path))]
	}
	f := panopticFile{maps: map[int64]panopticMap{}}
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return f, &data.FormatError{Path: dir, Reason: "no such folder of PNG maps"}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return f, fmt.Errorf("read annotations: %w", err)
	}
	s := jsonscan.New(path, text)
	seen := map[string]bool{}
	s.Object(func(key string) {
		seen[key] = true
		switch {
		case key == "categories" && truth:
			f.classes = readClasses(s)
		case key == "annotations":
			s.Array(func() { f.add(s, dir) })
		default:
			s.Skip()
		}
	})
	s.End()
	switch {
	case s.Err() != nil:
	case !seen["annotations"]:
		s.Fail(`no "annotations" in it`)
	case truth && !seen["categories"]:
		s.Fail(`no "categories" in it`)
	}
	return f, s.Err()
}

// add reads one annotation.
func (f *panopticFile) add(s *jsonscan.Scanner, dir string) {
	var id int64
	var m panopticMap
	need := missing{"image_id", "file_name", "segments_info"}
	s.Object(func(key string) {
		if s.Null() {
			return // as if the key were missing
		}
		need.found(key)
		switch key {
		case "image_id":
			id = s.Int()
		case "file_name":
			m.png = filepath.Join(dir, filepath.FromSlash(s.String()))
		case "segments_info":
			s.Array(func() { m.segments = append(m.segments, readSegment(s)) })
		default:
			s.Skip()
		}
	})
	need.check(s, fmt.Sprintf("annotation %d", len(f.ids)))
	if _, twice := f.maps[id]; twice {
		s.Fail("image %d: duplicate id: it has two annotations", id)
	}
	f.ids = append(f.ids, id)
	f.maps[id] = m
}

func readSegment(s *jsonscan.Scanner) pq.Segment {
	var segment pq.Segment
	need := missing{"id", "category_id"}
	s.Object(func(key string) {
		if s.Null() {
			return // as if the key were missing
		}
		need.found(key)
		switch key {
		case "id":
			segment.ID = s.Int()
		case "category_id":
			segment.Category = int(s.Int())
		case "iscrowd":
			segment.Crowd = readCrowd(s)
		case "area":
			segment.Area = s.Float()
		default:
			s.Skip()
		}
	})
	need.check(s, "segment")
	return segment
}
