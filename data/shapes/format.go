package shapes

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/jpeg"
	"os"
	"path/filepath"

	"eomt/data/decode"
	"eomt/data/rle"
)

// writer writes one split in COCO's layout.
type writer struct{ dir, split string }

func newWriter(dir, split string) writer { return writer{dir, split + "2017"} }

func (w writer) path(parts ...string) string {
	return filepath.Join(append([]string{w.dir}, parts...)...)
}

func (w writer) makeFolders() error {
	for _, dir := range []string{w.split, filepath.Join("annotations", "panoptic_"+w.split)} {
		if err := os.MkdirAll(w.path(dir), 0o755); err != nil {
			return err
		}
	}
	return nil
}

// record is what the annotation files say of one image.
type record struct {
	image     imageRecord
	panoptic  panopticRecord
	instances []instanceRecord
}

type imageRecord struct {
	ID       int    `json:"id"`
	FileName string `json:"file_name"`
	Width    int    `json:"width"`
	Height   int    `json:"height"`
}

type panopticRecord struct {
	ImageID  int             `json:"image_id"`
	FileName string          `json:"file_name"`
	Segments []segmentRecord `json:"segments_info"`
}

type segmentRecord struct {
	ID         uint32 `json:"id"`
	CategoryID int    `json:"category_id"`
	IsCrowd    int    `json:"iscrowd"`
	BBox       [4]int `json:"bbox"`
	Area       int    `json:"area"`
}

type instanceRecord struct {
	ID           int    `json:"id"`
	ImageID      int    `json:"image_id"`
	CategoryID   int    `json:"category_id"`
	IsCrowd      int    `json:"iscrowd"`
	BBox         [4]int `json:"bbox"`
	Area         int    `json:"area"`
	Segmentation any    `json:"segmentation"`
}

type categoryRecord struct {
	ID      int      `json:"id"`
	Name    string   `json:"name"`
	IsThing int      `json:"isthing"`
	Color   [3]uint8 `json:"color"`
	Super   string   `json:"supercategory"`
}

// firstID is the image id before a split's first; ids are unique across splits.
var firstID = map[string]int{"train2017": 0, "val2017": 500_000}

// maxSegments bounds the segments of an image: annotation ids are made of the
// image's id and the segment's number.
const maxSegments = 100

// image writes the picture and the label map of a scene and returns its record.
func (w writer) image(i int, s *scene) (record, error) {
	id := firstID[w.split] + i + 1
	name := fmt.Sprintf("%012d", id)
	r := record{
		image:    imageRecord{id, name + ".jpg", s.image.W, s.image.H},
		panoptic: panopticRecord{ImageID: id, FileName: name + ".png"},
	}
	ids := make([]uint32, len(s.owner))
	for k, g := range s.segments {
		mask := s.mask(k)
		if g.visible == 0 {
			continue
		}
		segmentID := uint32(1 + k*0x010203 + i%0x100*0x0401) // all three bytes of the colour in use
		for pixel, owner := range s.owner {
			if int(owner) == k {
				ids[pixel] = segmentID
			}
		}
		class, crowd := classes[g.class], 0
		if g.crowd {
			crowd = 1
		}
		r.panoptic.Segments = append(r.panoptic.Segments, segmentRecord{segmentID, class.ID, crowd, mask.BBox(), g.visible})
		if class.Thing {
			r.instances = append(r.instances, instanceRecord{
				id*maxSegments + k, id, class.ID, crowd, mask.BBox(), g.visible, segmentation(g, mask)})
		}
	}
	if err := w.pictures(name, s, ids); err != nil {
		return record{}, err
	}
	return r, nil
}

// mask returns the visible pixels of segment k.
func (s *scene) mask(k int) rle.Mask {
	pix := make([]uint8, len(s.owner))
	for pixel, owner := range s.owner {
		if int(owner) == k {
			pix[pixel] = 1
		}
	}
	return rle.Encode(pix, s.image.H, s.image.W)
}

// segmentation encodes a mask in one of the format's three ways: crowds as plain
// runs, partly hidden things as a compressed string, others as polygons.
func segmentation(g segment, mask rle.Mask) any {
	size := [2]int{mask.H, mask.W}
	switch {
	case g.crowd:
		return map[string]any{"size": size, "counts": mask.Counts}
	case g.visible < g.full:
		return map[string]any{"size": size, "counts": mask.String()}
	}
	return [][]float64{g.outline}
}

func (w writer) pictures(name string, s *scene, ids []uint32) error {
	picture := image.NewNRGBA(image.Rect(0, 0, s.image.W, s.image.H))
	for i := range s.owner {
		copy(picture.Pix[4*i:], s.image.Pix[3*i:3*i+3])
		picture.Pix[4*i+3] = 255
	}
	var raw bytes.Buffer
	if err := jpeg.Encode(&raw, picture, &jpeg.Options{Quality: 92}); err != nil {
		return err
	}
	if err := os.WriteFile(w.path(w.split, name+".jpg"), raw.Bytes(), 0o644); err != nil {
		return err
	}
	png, err := decode.EncodeIDs(ids, s.image.W, s.image.H)
	if err != nil {
		return err
	}
	return os.WriteFile(w.path("annotations", "panoptic_"+w.split, name+".png"), png, 0o644)
}

// annotations writes the two annotation files.
func (w writer) annotations(records []record) error {
	images := make([]imageRecord, 0, len(records))
	panoptic := make([]panopticRecord, 0, len(records))
	instances := []instanceRecord{}
	for _, r := range records {
		images = append(images, r.image)
		panoptic = append(panoptic, r.panoptic)
		instances = append(instances, r.instances...)
	}
	categories := make([]categoryRecord, len(classes))
	for i, c := range classes {
		categories[i] = categoryRecord{ID: c.ID, Name: c.Name, Color: c.Color, Super: "stuff"}
		if c.Thing {
			categories[i].IsThing, categories[i].Super = 1, "shape"
		}
	}
	err := writeJSON(w.path("annotations", "panoptic_"+w.split+".json"),
		map[string]any{"images": images, "annotations": panoptic, "categories": categories})
	if err != nil {
		return err
	}
	return writeJSON(w.path("annotations", "instances_"+w.split+".json"),
		map[string]any{"images": images, "annotations": instances, "categories": categories[:things]})
}

func writeJSON(path string, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(raw, '\n'), 0o644)
}
