package coco

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"eomt/data"
	"eomt/data/archive"
)

// document is what an annotation file of either format holds beside its annotations.
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
	w, h int // 0 where the file does not state them
}

// problem is a record that is wrong in itself while the rest can be used.
type problem struct {
	image int32 // whose sample it spoils, noImage where that is unknown
	err   *data.FormatError
}

const noImage = -1

// documentReader reads one annotation file; section and index say where it is.
type documentReader struct {
	*document
	s       *scanner
	section string
	index   int
}

// readDocument reads the file called name: all but the annotations into the
// document, and each of these by annotation, called at its start with its index.
// Images and categories may follow the annotations that refer to them.
func readDocument(src archive.Source, name string, annotation func(s *scanner, i int)) (*document, error) {
	file, err := src.Open(name)
	if err != nil {
		return nil, fmt.Errorf("coco: annotations: %w", err)
	}
	ahead := newReadAhead(file)
	defer ahead.Close()
	r := documentReader{document: &document{path: src.Path(name)}, s: newScanner(ahead)}
	readers := map[string]func(i int){
		"categories":  func(int) { r.readCategory() },
		"images":      func(int) { r.readImage() },
		"annotations": func(i int) { annotation(r.s, i) },
	}
	seen := map[string]bool{}
	r.s.object(func(key []byte) {
		section := string(key)
		read := readers[section]
		if read == nil {
			r.s.skip()
			return
		}
		seen[section] = true
		r.section = section
		r.s.array(func(i int) { r.index = i; read(i) })
	})
	r.s.finish()
	if r.s.err != nil {
		return nil, r.scanError()
	}
	for section := range readers {
		if !seen[section] {
			return nil, r.formatError("", "has no %q list; is it a COCO annotation file?", section)
		}
	}
	return r.document, r.link()
}

// scanError tells where the text went wrong.
func (r *documentReader) scanError() error {
	if errors.As(r.s.err, new(*syntaxError)) {
		record := ""
		if r.section != "" {
			record = fmt.Sprintf("%s[%d]", r.section, r.index)
		}
		return r.formatError(record, "%v", r.s.err)
	}
	return fmt.Errorf("coco: annotations: %w", r.s.err) // reading failed; the error names the file
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
	s.object(func(key []byte) {
		switch string(key) {
		case "id":
			c.ID = int(s.int())
		case "name":
			c.Name = string(s.str())
		case "isthing":
			c.Thing = s.flag()
		case "color":
			s.array(func(i int) {
				if v := s.int(); i < 3 {
					c.Color[i] = uint8(v)
				}
			})
		default:
			s.skip()
		}
	})
	if c.ID < 0 {
		s.fail(`a category needs an "id" of 0 or more`)
	}
	r.classes = append(r.classes, c)
}

func (r *documentReader) readImage() {
	s := r.s
	var m image
	hasID := false
	s.object(func(key []byte) {
		switch string(key) {
		case "id":
			m.id, hasID = s.int(), true
		case "file_name":
			m.name = string(s.str())
		case "width":
			m.w = int(s.int())
		case "height":
			m.h = int(s.int())
		default:
			s.skip()
		}
	})
	switch {
	case !hasID || m.name == "":
		s.fail(`an image needs an "id" and a "file_name"`)
	case m.w < 0 || m.h < 0 || m.w > math.MaxInt32 || m.h > math.MaxInt32:
		s.fail("image of %d x %d pixels (width x height)", m.w, m.h)
	}
	r.images = append(r.images, m)
}

// link orders the classes by ascending id, which makes their index, and fills the
// look-up tables.
func (d *document) link() error {
	if len(d.classes) == 0 {
		return d.formatError("categories", "the list is empty")
	}
	slices.SortFunc(d.classes, func(a, b data.Class) int { return cmp.Compare(a.ID, b.ID) })
	d.byCategory = make(map[int]int, len(d.classes))
	for i := range d.classes {
		c := &d.classes[i]
		if _, twice := d.byCategory[c.ID]; twice {
			return d.formatError(fmt.Sprintf("category %d", c.ID), "its id is there twice")
		}
		d.byCategory[c.ID] = i
		if c.Color == [3]uint8{} {
			c.Color = colorOf(*c)
		}
	}
	d.byImage = make(map[int64]int32, len(d.images))
	for i, m := range d.images {
		if first, twice := d.byImage[m.id]; twice {
			d.addProblem(first, fmt.Sprintf("image %d", m.id), "its id is there twice, for %s and %s", d.images[first].name, m.name)
			continue
		}
		d.byImage[m.id] = int32(i)
	}
	return nil
}

// colorOf is the published colour of a COCO class, and one of its own for any other.
func colorOf(c data.Class) [3]uint8 {
	i := slices.IndexFunc(classes[:], func(known data.Class) bool { return known.ID == c.ID && known.Name == c.Name })
	if i >= 0 {
		return classes[i].Color
	}
	return data.Color(c.ID)
}
