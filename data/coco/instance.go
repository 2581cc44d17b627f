package coco

import (
	"fmt"
	"slices"

	"eomt/data"
	"eomt/data/jsonscan"
)

// OpenInstance opens a data set in COCO's instance format: one mask per annotation,
// as polygons or run lengths; masks may overlap. Instances keep the order of the
// file.
func OpenInstance(o data.OpenOptions) (*Dataset, error) {
	if err := checkSplit(o); err != nil {
		return nil, err
	}
	file, name, err := findAnnotations(o, "instances_"+o.Split+"2017", instanceZip)
	if err != nil {
		return nil, fmt.Errorf("coco: annotations: %w", err)
	}
	defer file.Close()
	var all annotations
	doc, err := readDocument(file, name, all.read)
	if err != nil {
		return nil, err
	}
	all.link(doc)
	return newDataset(o, doc, &all)
}

// annotation is one record of an instance file.
type annotation struct {
	id     int64
	image  int64 // its id in the file; linked: its index
	area   float64
	mask   place
	class  int64 // category id in the file; linked: the class index
	crowd  bool
	broken bool // the mask is kindBroken
}

// annotations are the targets of an instance data set.
type annotations struct {
	doc       *document
	records   []annotation // linked: ordered by image, then as in the file
	first     []int32      // [images+1], index of each image's first record
	masks     arena
	segmenter segmenter
}

func (t *annotations) read(s *jsonscan.Scanner) {
	var a annotation
	var hasID, hasImage, hasCategory, hasMask bool
	s.Object(func(key string) {
		if key != "segmentation" && s.Null() {
			return // as if the key were missing
		}
		switch key {
		case "id":
			a.id, hasID = s.Int(), true
		case "image_id":
			a.image, hasImage = s.Int(), true
		case "category_id":
			a.class, hasCategory = s.Int(), true
		case "area":
			a.area = s.Float()
		case "iscrowd":
			a.crowd = s.Bool()
		case "segmentation":
			var compact []byte
			compact, a.broken = t.segmenter.read(s)
			a.mask, hasMask = t.masks.put(compact), true
		default:
			s.Skip()
		}
	})
	if !hasID || !hasImage || !hasCategory || !hasMask {
		s.Fail(`an annotation needs "id", "image_id", "category_id" and "segmentation"`)
	}
	t.records = append(t.records, a)
}

// link resolves ids to indices, notes those that do not resolve as problems, and
// sorts the records by image.
func (t *annotations) link(doc *document) {
	t.doc = doc
	t.checkIDs()
	t.first = make([]int32, len(doc.images)+1)
	for i := range t.records {
		a := &t.records[i]
		image, known := doc.byImage[a.image]
		if !known {
			doc.addProblem(noImage, fmt.Sprintf("annotation %d", a.id), "image_id %d is not among the images", a.image)
			a.image = noImage
			continue
		}
		class, known := doc.byCategory[int(a.class)]
		if !known {
			doc.addProblem(image, t.record(a, image), "category_id %d is not among the categories", a.class)
		}
		if a.broken {
			_, err := maskOf(t.masks.get(a.mask), 0, 0)
			doc.addProblem(image, t.record(a, image), "%v", err)
		}
		a.image, a.class = int64(image), int64(class)
		t.first[image+1]++
	}
	for i := range doc.images {
		t.first[i+1] += t.first[i]
	}
	ordered := make([]annotation, t.first[len(doc.images)])
	next := slices.Clone(t.first)
	for _, a := range t.records {
		if a.image != noImage {
			ordered[next[a.image]] = a
			next[a.image]++
		}
	}
	t.records = ordered
}

// checkIDs notes duplicate annotation ids.
func (t *annotations) checkIDs() {
	ids := make([]int64, len(t.records))
	for i, a := range t.records {
		ids[i] = a.id
	}
	slices.Sort(ids)
	for i := 1; i < len(ids); i++ {
		if ids[i] != ids[i-1] || i > 1 && ids[i] == ids[i-2] {
			continue
		}
		last := len(t.records) - 1
		for t.records[last].id != ids[i] {
			last--
		}
		image, known := t.doc.byImage[t.records[last].image]
		if !known {
			image = noImage
		}
		t.doc.addProblem(image, fmt.Sprintf("annotation %d", ids[i]), "duplicate id")
	}
}

func (t *annotations) record(a *annotation, image int32) string {
	return fmt.Sprintf("annotation %d of image %d (%s)", a.id, t.doc.images[image].id, t.doc.images[image].name)
}

func (t *annotations) has(image int32) bool { return t.first[image] < t.first[image+1] }

func (t *annotations) instances(image int32) []data.Instance {
	records := t.records[t.first[image]:t.first[image+1]]
	list := make([]data.Instance, len(records))
	for i, a := range records {
		list[i] = data.Instance{Class: int(a.class), Crowd: a.crowd, ID: a.id, Area: a.area}
	}
	return list
}

func (t *annotations) load(image int32, sample *data.Sample) error {
	records := t.records[t.first[image]:t.first[image+1]]
	w, h := sample.Image.W, sample.Image.H
	sample.Masks = data.NewPlanes(w, h, len(records))
	sample.Instances = t.instances(image)
	for i := range records {
		a := &records[i]
		mask, err := maskOf(t.masks.get(a.mask), h, w)
		if err != nil {
			return t.doc.formatError(t.record(a, image), "%v", err)
		}
		mask.Paint(sample.Masks, i)
	}
	return nil
}

// place is the position of a string in an arena: chunk number and offset.
type place struct{ chunk, offset uint32 }

// arena keeps many small self-delimiting byte strings in few large allocations,
// which never move.
type arena struct{ chunks [][]byte }

const chunkSize = 4 << 20

func (a *arena) put(b []byte) place {
	last := len(a.chunks) - 1
	if last < 0 || cap(a.chunks[last])-len(a.chunks[last]) < len(b) {
		a.chunks = append(a.chunks, make([]byte, 0, max(chunkSize, len(b))))
		last++
	}
	at := place{uint32(last), uint32(len(a.chunks[last]))}
	a.chunks[last] = append(a.chunks[last], b...)
	return at
}

func (a *arena) get(at place) []byte { return a.chunks[at.chunk][at.offset:] }
