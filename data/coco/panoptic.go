package coco

import (
	"errors"
	"fmt"

	"eomt/data"
	"eomt/data/archive"
	"eomt/data/decode"
	"eomt/data/jsonscan"
)

// OpenPanoptic opens a data set in COCO's panoptic format: a PNG label map per image,
// and its segments in the JSON. Pixels of no segment are void. Instances
// keep the order of the file.
func OpenPanoptic(o data.OpenOptions) (*Dataset, error) {
	if err := checkSplit(o); err != nil {
		return nil, err
	}
	file, name, err := findAnnotations(o, "panoptic_"+o.Split+"2017", panopticZip)
	if err != nil {
		return nil, fmt.Errorf("coco: annotations: %w", err)
	}
	defer file.Close()
	var all maps
	doc, err := readDocument(file, name, all.read)
	if err != nil {
		return nil, err
	}
	all.link(doc)
	if all.source, err = findMasks(o); err != nil {
		return nil, fmt.Errorf("coco: label maps: %w", err)
	}
	d, err := newDataset(o, doc, &all)
	if err != nil {
		return nil, errors.Join(err, all.Close())
	}
	return d, nil
}

// segment is one record of an image's "segments_info".
type segment struct {
	id    uint32
	crowd bool
	class int64 // category id in the file; linked: the class index
	area  float64
}

// labelMap is one annotation of a panoptic file.
type labelMap struct {
	image    int64 // id
	name     string
	segments []segment
}

// maps are the targets of a panoptic data set.
type maps struct {
	doc     *document
	source  archive.Source
	records []labelMap
	byImage []int32 // [images] index in records, -1 if there is none
	scratch []segment
}

func (t *maps) read(s *jsonscan.Scanner) {
	var m labelMap
	var hasImage, hasSegments bool
	t.scratch = t.scratch[:0]
	s.Object(func(key string) {
		if s.Null() {
			return // as if the key were missing
		}
		switch key {
		case "image_id":
			m.image, hasImage = s.Int(), true
		case "file_name":
			m.name = s.String()
		case "segments_info":
			hasSegments = true
			s.Array(func() { t.readSegment(s) })
		default:
			s.Skip()
		}
	})
	if !hasImage || !hasSegments || m.name == "" {
		s.Fail(`a panoptic annotation needs "image_id", "file_name" and "segments_info"`)
	}
	m.segments = append([]segment(nil), t.scratch...)
	t.records = append(t.records, m)
}

func (t *maps) readSegment(s *jsonscan.Scanner) {
	var g segment
	var hasID, hasCategory bool
	s.Object(func(key string) {
		if s.Null() {
			return
		}
		switch key {
		case "id":
			id := s.Int()
			if id < 1 || id > maxID {
				s.Fail("segment id %d; want 1 to %d, for it is a colour of the label map", id, maxID)
			}
			g.id, hasID = uint32(id), true
		case "category_id":
			g.class, hasCategory = s.Int(), true
		case "area":
			g.area = s.Float()
		case "iscrowd":
			g.crowd = s.Bool()
		default:
			s.Skip()
		}
	})
	if !hasID || !hasCategory {
		s.Fail(`a segment needs "id" and "category_id"`)
	}
	t.scratch = append(t.scratch, g)
}

// maxID is the largest id that the three bytes of a label map's pixel hold.
const maxID = 1<<24 - 1

// link resolves ids to indices and notes those that do not resolve as problems.
func (t *maps) link(doc *document) {
	t.doc = doc
	t.byImage = make([]int32, len(doc.images))
	for i := range t.byImage {
		t.byImage[i] = -1
	}
	for i, m := range t.records {
		image, known := doc.byImage[m.image]
		if !known {
			doc.addProblem(noImage, m.name, "image_id %d is not among the images", m.image)
			continue
		}
		if t.byImage[image] >= 0 {
			doc.addProblem(image, m.name, "image %d has a second annotation; the first is %s", m.image, t.records[t.byImage[image]].name)
			continue
		}
		t.byImage[image] = int32(i)
		t.linkSegments(m, image)
	}
}

func (t *maps) linkSegments(m labelMap, image int32) {
	for i := range m.segments {
		g := &m.segments[i]
		class, known := t.doc.byCategory[int(g.class)]
		if !known {
			t.doc.addProblem(image, m.record(g), "category_id %d is not among the categories", g.class)
		}
		g.class = int64(class)
		for _, other := range m.segments[:i] {
			if other.id == g.id {
				t.doc.addProblem(image, m.record(g), "duplicate id")
			}
		}
	}
}

func (m *labelMap) record(g *segment) string {
	return fmt.Sprintf("segment %d of image %d (%s)", g.id, m.image, m.name)
}

func (t *maps) has(image int32) bool {
	at := t.byImage[image]
	return at >= 0 && len(t.records[at].segments) > 0
}

func (t *maps) instances(image int32) []data.Instance {
	if t.byImage[image] < 0 {
		return nil
	}
	segments := t.records[t.byImage[image]].segments
	list := make([]data.Instance, len(segments))
	for i, g := range segments {
		list[i] = data.Instance{Class: int(g.class), Crowd: g.crowd, ID: int64(g.id), Area: g.area}
	}
	return list
}

func (t *maps) load(image int32, sample *data.Sample) error {
	if t.byImage[image] < 0 {
		sample.Masks = data.NewPlanes(sample.Image.W, sample.Image.H, 0)
		return nil
	}
	m := t.records[t.byImage[image]]
	raw, err := archive.ReadFile(t.source, m.name)
	if err != nil {
		return fmt.Errorf("coco: label map: %w", err)
	}
	path := t.source.Path(m.name)
	ids, w, h, err := decode.IDs(raw, path)
	if err != nil {
		return err
	}
	if w != sample.Image.W || h != sample.Image.H {
		return &data.FormatError{Path: path, Reason: fmt.Sprintf("has %d x %d pixels (width x height), but its image %s has %d x %d%s",
			w, h, sample.Name, sample.Image.W, sample.Image.H, sample.TurnedHint(w, h))}
	}
	return t.paint(m, ids, path, sample)
}

// paint sets the bit of each pixel's segment.
func (t *maps) paint(m labelMap, ids []uint32, path string, sample *data.Sample) error {
	sample.Masks = data.NewPlanes(sample.Image.W, sample.Image.H, len(m.segments))
	sample.Instances = make([]data.Instance, len(m.segments))
	index := make(map[uint32]int, len(m.segments))
	for i, g := range m.segments {
		sample.Instances[i] = data.Instance{Class: int(g.class), Crowd: g.crowd, ID: int64(g.id), Area: g.area}
		index[g.id] = i
	}
	words := sample.Masks.Words
	var last, bit uint32 // of the previous pixel, which mostly has the same id
	word := 0
	for pixel, id := range ids {
		if id == void {
			continue
		}
		if id != last {
			i, known := index[id]
			if !known {
				return &data.FormatError{Path: path, Record: fmt.Sprintf("segment %d", id),
					Reason: fmt.Sprintf("is at pixel (%d, %d), but %s does not name it", pixel%sample.Image.W, pixel/sample.Image.W, t.doc.path)}
			}
			last, word, bit = id, i/32, 1<<(i%32)
		}
		sample.Masks.Bits[pixel*words+word] |= bit
	}
	return nil
}

// void is the id of pixels that belong to no segment.
const void = 0

// Close closes the archive of the label maps.
func (t *maps) Close() error { return t.source.Close() }
