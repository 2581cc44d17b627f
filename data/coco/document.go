package coco

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"eomt/data"
	"eomt/data/archive"
	"eomt/data/jsonscan"
)

// document is the content of an annotation file of either format except its
// annotations.
type document struct {
	path       string // for messages
	classes    []data.Class
	byCategory map[int]int // category id -> class index
	images     []image
	byImage    map[int64]int32 // image id -> index in images
	problems   []problem
}

type image struct {
	id   int64
	name string
	w, h int // 0 if the file does not state them
}

// problem is a broken record of a file whose other records are usable.
type problem struct {
	image int32 // whose sample cannot be loaded; noImage where that is unknown
	err   *data.FormatError
}

const noImage = -1

// documentReader reads one annotation file; section and index say where it is.
type documentReader struct {
	*document
	s       *jsonscan.Scanner
	section string
	index   int
}

// readDocument reads the file called name: all but the annotations into the
// document, and each of these by annotation, called at its start. Images and
// categories may follow the annotations that refer to them.
func readDocument(src archive.Source, name string, annotation func(s *jsonscan.Scanner)) (*document, error) {
	file, err := src.Open(name)
	if err != nil {
		return nil, fmt.Errorf("coco: annotations: %w", err)
	}
	ahead := newReadAhead(file)
	defer ahead.Close()
	r := documentReader{document: &document{path: src.Path(name)}, s: jsonscan.NewReader(src.Path(name), ahead)}
	seen := map[string]bool{}
	r.s.Object(func(key string) {
		switch seen[key] = true; key {
		case "categories":
			r.list(key, r.readCategory)
		case "images":
			r.list(key, r.readImage)
		case "annotations":
			r.list(key, func() { annotation(r.s) })
		default:
			r.s.Skip()
		}
	})
	r.s.End()
	if r.s.Err() != nil {
		return nil, r.scanError()
	}
	for _, section := range []string{"categories", "images", "annotations"} {
		if !seen[section] {
			return nil, r.formatError("", "has no %q list; is it a COCO annotation file?", section)
		}
	}
	return r.document, r.link()
}

// list reads the records of a section.
func (r *documentReader) list(section string, record func()) {
	r.section, r.index = section, -1
	r.s.Array(func() {
		r.index++
		record()
	})
	if r.s.Err() == nil {
		r.section = ""
	}
}

// scanError adds to the scanner's error in which record it occurred.
func (r *documentReader) scanError() error {
	var format *data.FormatError
	if !errors.As(r.s.Err(), &format) {
		return fmt.Errorf("coco: annotations: %w", r.s.Err()) // reading failed; the error names the file
	}
	if r.section == "" || r.index < 0 {
		return format
	}
	return r.formatError(fmt.Sprintf("%s[%d]", r.section, r.index), "%s: %s", format.Record, format.Reason)
}

func (d *document) formatError(record, format string, args ...any) *data.FormatError {
	return &data.FormatError{Path: d.path, Record: record, Reason: fmt.Sprintf(format, args...)}
}

func (d *document) addProblem(image int32, record, format string, args ...any) {
	d.problems = append(d.problems, problem{image, d.formatError(record, format, args...)})
}

func (r *documentReader) readCategory() {
	s := r.s
	c := data.Class{ID: -1, Thing: true}
	s.Object(func(key string) {
		if s.Null() {
			return // as if the key were missing
		}
		switch key {
		case "id":
			c.ID = int(s.Int())
		case "name":
			c.Name = s.String()
		case "isthing":
			c.Thing = s.Bool()
		case "color":
			c.Color = readColor(s)
		default:
			s.Skip()
		}
	})
	if c.ID < 0 {
		s.Fail(`a category needs an "id" of 0 or more`)
	}
	r.classes = append(r.classes, c)
}

// readColor reads red, green and blue.
func readColor(s *jsonscan.Scanner) (color [3]uint8) {
	n := 0
	s.Array(func() {
		v := s.Int()
		if v < 0 || v > math.MaxUint8 {
			s.Fail("colour %d; want 0 to %d", v, math.MaxUint8)
		}
		if n < len(color) {
			color[n] = uint8(v)
		}
		n++
	})
	return color
}

func (r *documentReader) readImage() {
	s := r.s
	var m image
	hasID := false
	s.Object(func(key string) {
		if s.Null() {
			return
		}
		switch key {
		case "id":
			m.id, hasID = s.Int(), true
		case "file_name":
			m.name = s.String()
		case "width":
			m.w = int(s.Int())
		case "height":
			m.h = int(s.Int())
		default:
			s.Skip()
		}
	})
	switch {
	case !hasID || m.name == "":
		s.Fail(`an image needs an "id" and a "file_name"`)
	case m.w < 0 || m.h < 0 || m.w > math.MaxInt32 || m.h > math.MaxInt32:
		s.Fail("image of %d x %d pixels (width x height)", m.w, m.h)
	}
	r.images = append(r.images, m)
}

// link sorts the classes by id, which gives their index, and fills the look-up
// tables.
func (d *document) link() error {
	if len(d.classes) == 0 {
		return d.formatError("categories", "the list is empty")
	}
	slices.SortFunc(d.classes, func(a, b data.Class) int { return cmp.Compare(a.ID, b.ID) })
	d.byCategory = make(map[int]int, len(d.classes))
	for i := range d.classes {
		c := &d.classes[i]
		if _, twice := d.byCategory[c.ID]; twice {
			return d.formatError(fmt.Sprintf("category %d", c.ID), "duplicate id")
		}
		d.byCategory[c.ID] = i
		if c.Color == [3]uint8{} {
			c.Color = colorOf(*c)
		}
	}
	d.byImage = make(map[int64]int32, len(d.images))
	for i, m := range d.images {
		if first, twice := d.byImage[m.id]; twice {
			d.addProblem(first, fmt.Sprintf("image %d", m.id), "duplicate id, of %s and %s", d.images[first].name, m.name)
			continue
		}
		d.byImage[m.id] = int32(i)
	}
	return nil
}

// colorOf is the published colour of a COCO class, and a generated one for any other.
func colorOf(c data.Class) [3]uint8 {
	i := slices.IndexFunc(classes[:], func(known data.Class) bool { return known.ID == c.ID && known.Name == c.Name })
	if i >= 0 {
		return classes[i].Color
	}
	return data.Color(c.ID)
}
