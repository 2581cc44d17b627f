package coco

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"eomt/data/archive"
	"eomt/data/jsonscan"
	"eomt/data/rle"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// memory is a source of one file.
type memory struct {
	archive.Source
	raw []byte
	by  func(io.Reader) io.Reader // how it is read
}

func (m memory) Open(string) (io.ReadCloser, error) {
	return io.NopCloser(m.by(bytes.NewReader(m.raw))), nil
}
func (m memory) Path(name string) string { return name }

func whole(r io.Reader) io.Reader { return r }

// A coordinate is the float64 that strconv reads, whatever its notation.
func TestPolygonsAreExact(t *testing.T) {
	number := rapid.Custom(func(t *rapid.T) string {
		v := rapid.Float64Range(-5000, 5000).Draw(t, "v")
		return rapid.SampledFrom([]string{
			strconv.FormatFloat(v, 'f', 2, 64), strconv.FormatFloat(v, 'f', 1, 64), strconv.FormatFloat(v, 'f', 0, 64),
			strconv.FormatFloat(math.Round(v*100)/100, 'g', -1, 64),
		}).Draw(t, "usual")
	})
	odd := rapid.Custom(func(t *rapid.T) string {
		return rapid.SampledFrom([]string{"-0.0", "-0", "1e2", "0.125", "12345678901234.25", "999999999999999999999", "1E-3", "271.333333333"}).Draw(t, "odd")
	})
	rapid.Check(t, func(t *rapid.T) {
		var want [][]float64
		var parts []string
		oneIn := rapid.SampledFrom([]int{2, 50, 1 << 30}).Draw(t, "odd numbers: one in")
		for range rapid.IntRange(1, 4).Draw(t, "polygons") {
			var xy []float64
			var texts []string
			for range 2 * rapid.IntRange(3, 20).Draw(t, "points") {
				text := number.Draw(t, "number")
				if rapid.IntRange(1, oneIn).Draw(t, "is odd") == 1 {
					text = odd.Draw(t, "number")
				}
				v, err := strconv.ParseFloat(text, 64)
				if err != nil {
					t.Fatal(err)
				}
				xy, texts = append(xy, v), append(texts, text)
			}
			want, parts = append(want, xy), append(parts, "["+strings.Join(texts, ", ")+"]")
		}
		var g segmenter
		s := jsonscan.NewReader("x", strings.NewReader("["+strings.Join(parts, ",")+"]"))
		compact, broken := g.read(s)
		if broken || s.Err() != nil {
			t.Fatal(broken, s.Err())
		}
		r := reader{compact}
		got := r.polygons(r.uvarint())
		bitwise := cmp.Comparer(func(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) })
		if diff := cmp.Diff(want, got, bitwise); diff != "" || len(r.rest) != 0 {
			t.Fatalf("%s, %d bytes left", diff, len(r.rest))
		}
	})
}

// Real annotations give the same masks as their JSON.
func TestRealSegmentations(t *testing.T) {
	path := filepath.Join("..", "..", "..", "shared", "realdata", "oracle_ap", "instances_val2014_100.json")
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Skipf("real annotations are not at %s", path)
	}
	var file struct {
		Images []struct {
			ID            int64
			Width, Height int
		}
		Annotations []struct {
			ID           int64
			ImageID      int64 `json:"image_id"`
			Segmentation json.RawMessage
		}
	}
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	var all annotations
	doc, err := readDocument(memory{raw: raw, by: iotest.HalfReader}, "f.json", all.read)
	if err != nil {
		t.Fatal(err)
	}
	all.link(doc)
	compact := map[int64][]byte{}
	for _, a := range all.records {
		compact[a.id] = all.masks.get(a.mask)
	}
	if len(compact) != len(file.Annotations) || len(doc.problems) != 0 {
		t.Fatalf("%d annotations, want %d; problems %v", len(compact), len(file.Annotations), doc.problems)
	}
	for _, a := range file.Annotations {
		at := doc.byImage[a.ImageID]
		h, w := doc.images[at].h, doc.images[at].w
		got, err := maskOf(compact[a.ID], h, w)
		want := fromJSON(t, a.Segmentation, h, w)
		if err != nil || !slices.Equal(got.Counts, want.Counts) {
			t.Errorf("annotation %d: %v, or other pixels", a.ID, err)
		}
	}
}

func fromJSON(t *testing.T, raw json.RawMessage, h, w int) rle.Mask {
	t.Helper()
	var polygons [][]float64
	var runs struct{ Counts []uint32 }
	var mask rle.Mask
	err := json.Unmarshal(raw, &polygons)
	if err == nil {
		mask, err = rle.FromPolygons(polygons, h, w)
	} else if err = json.Unmarshal(raw, &runs); err == nil {
		mask, err = rle.FromCounts(runs.Counts, h, w)
	}
	if err != nil {
		t.Fatal(err)
	}
	return mask
}

// FuzzInstances feeds bytes as an annotation file: nothing may panic, what is
// read must not depend on how the bytes come, and every mask that opens cleanly
// must decode or say why not.
func FuzzInstances(f *testing.F) {
	f.Add([]byte(`{"images":[{"id":1,"file_name":"a","width":4,"height":5}],"categories":[{"id":1}],"annotations":[` +
		`{"id":1,"image_id":1,"category_id":1,"segmentation":[[0,0,3,0,3,3.25,1e1,2]]},` +
		`{"id":2,"image_id":1,"category_id":1,"iscrowd":1,"segmentation":{"size":[5,4],"counts":[3,17]}},` +
		`{"id":3,"image_id":1,"category_id":1,"segmentation":{"counts":"3a0","size":[5,4]}},` +
		`{"id":4,"image_id":1,"category_id":2,"segmentation":[[1]]}]}`))
	f.Add([]byte(`{"images":[{"id":4294967297,"file_name":"a","width":null,"height":null}],"categories":[{"id":4294967297,"color":null,"isthing":null}],"annotations":[` +
		`{"id":4294967297,"image_id":4294967297,"category_id":4294967297,"iscrowd":null,"bbox":null,"area":null,"segmentation":null},` +
		`{"id":null,"image_id":1,"category_id":1,"segmentation":[]}]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		read := func(by func(io.Reader) io.Reader) string {
			var all annotations
			doc, err := readDocument(memory{raw: raw, by: by}, "f", all.read)
			if err != nil {
				return err.Error()
			}
			all.link(doc)
			text := fmt.Sprint(doc.images, doc.classes, len(doc.problems))
			for _, a := range all.records {
				mask, err := maskOf(all.masks.get(a.mask), 5, 4)
				text += fmt.Sprint(a.id, a.class, a.crowd, mask, err)
			}
			return text
		}
		if a, b := read(whole), read(iotest.OneByteReader); a != b {
			t.Errorf("%s\nbyte by byte: %s", a, b)
		}
	})
}

// FuzzPanoptic is FuzzInstances for the other format.
func FuzzPanoptic(f *testing.F) {
	f.Add([]byte(`{"annotations":[{"image_id":1,"file_name":"a.png","segments_info":[{"id":9,"category_id":1,"area":3,"iscrowd":0,"bbox":[1,2,3,4]},` +
		`{"id":70000,"category_id":2}]}],"images":[{"id":1,"file_name":"a"}],"categories":[{"id":1,"isthing":0,"color":[1,2,3]}]}`))
	f.Add([]byte(`{"annotations":[{"image_id":4294967297,"file_name":"a.png","segments_info":[{"id":9,"category_id":4294967297,"area":null,"iscrowd":null,"bbox":null},` +
		`{"id":4294967297,"category_id":1}]}],"images":[{"id":4294967297,"file_name":"a"}],"categories":[{"id":4294967297,"color":[1,2,256]}]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		read := func(by func(io.Reader) io.Reader) string {
			var all maps
			doc, err := readDocument(memory{raw: raw, by: by}, "f", all.read)
			if err != nil {
				return err.Error()
			}
			all.link(doc)
			text := fmt.Sprint(doc.images, doc.classes, all.records, all.byImage)
			for _, p := range doc.problems {
				text += fmt.Sprint(p.image, p.err)
			}
			return text
		}
		if a, b := read(whole), read(iotest.OneByteReader); a != b {
			t.Errorf("%s\nbyte by byte: %s", a, b)
		}
	})
}

// A panic while the file is read ahead is an error of the file.
func TestReadAheadPanics(t *testing.T) {
	_, err := readDocument(memory{raw: []byte(`{"images": [`), by: func(r io.Reader) io.Reader {
		return io.MultiReader(r, panicking{})
	}}, "f.json", nil)
	if err == nil || !strings.Contains(err.Error(), "the archive is at fault") {
		t.Error(err)
	}
}

type panicking struct{}

func (panicking) Read([]byte) (int, error) { panic("the archive is at fault") }

// An error of the disk is passed on as it is, with the file.
func TestReadErrors(t *testing.T) {
	cause := &fs.PathError{Op: "read", Path: "f.json", Err: io.ErrNoProgress}
	_, err := readDocument(memory{raw: []byte(`{"images": [`), by: func(r io.Reader) io.Reader {
		return io.MultiReader(r, iotest.ErrReader(cause))
	}}, "f.json", nil)
	if err == nil || !strings.Contains(err.Error(), cause.Error()) || strings.Contains(err.Error(), "cut off") {
		t.Errorf("%v", err)
	}
}
