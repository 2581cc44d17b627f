package cocofiles

import (
	"cmp"
	"fmt"
	"math"
	"os"
	"sync"

	"eomt/data"
	"eomt/data/jsonscan"
	"eomt/data/rle"
	"eomt/eval/ap"
	"eomt/internal/panics"
)

// Instances is a ground truth and a results list in COCO's instance format.
// Segmentations stay JSON text until their image is requested.
type Instances struct {
	Classes    []data.Class // the ground truth's categories, in order
	predJSON   string
	images     []instanceImage
	byID       map[int64]int
	boxedAreas bool // detections have the area of their boxes
}

type instanceImage struct {
	id         int64
	h, w       int
	truths     []annotation
	detections []annotation
}

// annotation is a truth or a detection.
type annotation struct {
	id           int64 // of a detection, its position in the file
	image        int64
	category     int
	crowd        bool
	area         float64
	boxArea      float64 // NaN without a box
	score        float64
	segmentation []byte // JSON
}

// OpenInstances reads a ground truth and a results file. It is an error if two
// images or two annotations share an id, an annotation or detection belongs to
// an image that is not in the ground truth, a category is unknown or a score is
// not a number. An image without detections is valid: the format omits it.
func OpenInstances(truthJSON, predJSON string) (*Instances, error) {
	set := &Instances{predJSON: predJSON, byID: map[int64]int{}}
	var detections []annotation
	var truthErr, predErr error
	var reading sync.WaitGroup
	reading.Go(func() {
		truthErr = panics.Recover(func() error { return set.readTruth(truthJSON) })
	})
	reading.Go(func() {
		predErr = panics.Recover(func() (err error) {
			detections, err = readDetections(predJSON)
			return err
		})
	})
	reading.Wait()
	if err := cmp.Or(truthErr, predErr); err != nil {
		return nil, err
	}
	if err := set.addDetections(detections); err != nil {
		return nil, err
	}
	return set, nil
}

// Len returns the number of images.
func (set *Instances) Len() int { return len(set.images) }

// Image decodes the masks of image i.
func (set *Instances) Image(i int) (ap.Image, error) {
	in := set.images[i]
	img := ap.Image{ID: in.id, Truths: make([]ap.Truth, len(in.truths)), Detections: make([]ap.Detection, len(in.detections))}
	for k, a := range in.truths {
		mask, err := decodeSegmentation(a.segmentation, in.h, in.w)
		if err != nil {
			return ap.Image{}, fmt.Errorf("image %d: annotation %d: %w", in.id, a.id, err)
		}
		img.Truths[k] = ap.Truth{ID: a.id, Category: a.category, Crowd: a.crowd, Area: a.area, Mask: mask}
	}
	for k, a := range in.detections {
		mask, err := decodeSegmentation(a.segmentation, in.h, in.w)
		if err != nil {
			return ap.Image{}, fmt.Errorf("image %d: detection %d: %w", in.id, a.id, err)
		}
		d := ap.Detection{Category: a.category, Score: a.score, Area: a.boxArea, Mask: mask}
		if !set.boxedAreas {
			d.Area = float64(mask.Area())
		}
		img.Detections[k] = d
	}
	return img, nil
}

func (set *Instances) readTruth(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read annotations: %w", err)
	}
	s := jsonscan.New(path, text)
	var annotations []annotation
	need := missing{"images", "annotations", "categories"}
	s.Object(func(key string) {
		if s.Null() {
			return // as if the key were missing
		}
		need.found(key)
		switch key {
		case "images":
			s.Array(func() { set.readImage(s) })
		case "categories":
			set.Classes = readClasses(s)
		case "annotations":
			s.Array(func() {
				a := readAnnotation(s, missing{"id", "image_id", "category_id", "area", "segmentation"})
				annotations = append(annotations, a)
			})
		default:
			s.Skip()
		}
	})
	s.End()
	need.check(s, "file")
	if s.Err() != nil {
		return s.Err()
	}
	ids := make(map[int64]bool, len(annotations))
	for _, a := range annotations {
		i, known := set.byID[a.image]
		record := fmt.Sprintf("annotation %d", a.id)
		if !known {
			return &data.FormatError{Path: path, Record: record, Reason: fmt.Sprintf("its image %d is not among the images", a.image)}
		}
		if ids[a.id] {
			return &data.FormatError{Path: path, Record: fmt.Sprintf("image %d: %s", a.image, record), Reason: "duplicate id: an annotation before has it"}
		}
		ids[a.id] = true
		set.images[i].truths = append(set.images[i].truths, a)
	}
	return nil
}

func (set *Instances) readImage(s *jsonscan.Scanner) {
	var img instanceImage
	need := missing{"id", "height", "width"}
	s.Object(func(key string) {
		if s.Null() {
			return // as if the key were missing
		}
		need.found(key)
		switch key {
		case "id":
			img.id = s.Int()
		case "height":
			img.h = int(s.Int())
		case "width":
			img.w = int(s.Int())
		default:
			s.Skip()
		}
	})
	need.check(s, fmt.Sprintf("image %d", img.id))
	if _, twice := set.byID[img.id]; twice {
		s.Fail("image %d: duplicate id", img.id)
	}
	set.byID[img.id] = len(set.images)
	set.images = append(set.images, img)
}

func readAnnotation(s *jsonscan.Scanner, need missing) annotation {
	a := annotation{boxArea: math.NaN()}
	s.Object(func(key string) {
		if key != "segmentation" && s.Null() {
			return // as if the key were missing
		}
		need.found(key)
		switch key {
		case "id":
			a.id = s.Int()
		case "image_id":
			a.image = s.Int()
		case "category_id":
			a.category = int(s.Int())
		case "iscrowd":
			a.crowd = readCrowd(s)
		case "area":
			a.area = s.Float()
		case "score":
			a.score = s.Float()
		case "bbox":
			if s.Kind() == 'n' { // as if missing
				s.Skip()
				return
			}
			var box []float64
			s.Array(func() { box = append(box, s.Float()) })
			if len(box) == 4 {
				a.boxArea = box[2] * box[3]
			}
		case "segmentation":
			a.segmentation = s.Raw()
		default:
			s.Skip()
		}
	})
	need.check(s, fmt.Sprintf("annotation %d of image %d", a.id, a.image))
	return a
}

func readDetections(path string) ([]annotation, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read results: %w", err)
	}
	s := jsonscan.New(path, text)
	var detections []annotation
	if s.Kind() != '[' {
		s.Fail("not a COCO results file: want a list of detections")
	}
	s.Array(func() {
		a := readAnnotation(s, missing{"image_id", "category_id", "score", "segmentation"})
		a.id = int64(len(detections))
		detections = append(detections, a)
	})
	s.End()
	return detections, s.Err()
}

// addDetections gives each image its detections. As in pycocotools' loadRes, the
// first detection reports whether areas are those of boxes.
func (set *Instances) addDetections(detections []annotation) error {
	known := map[int]bool{}
	for _, c := range set.Classes {
		known[c.ID] = true
	}
	set.boxedAreas = len(detections) > 0 && !math.IsNaN(detections[0].boxArea)
	for _, a := range detections {
		i, inTruth := set.byID[a.image]
		reason := ""
		switch {
		case !inTruth:
			reason = "extra prediction: its image is not in the ground truth"
		case !known[a.category]:
			reason = fmt.Sprintf("unknown category %d", a.category)
		case math.IsNaN(a.score) || math.IsInf(a.score, 0):
			reason = fmt.Sprintf("score is %v, want a number", a.score)
		case set.boxedAreas && math.IsNaN(a.boxArea):
			reason = "no box of 4 numbers, which the first detection has"
		}
		if reason != "" {
			record := fmt.Sprintf("image %d: detection %d", a.image, a.id)
			return &data.FormatError{Path: set.predJSON, Record: record, Reason: reason}
		}
		set.images[i].detections = append(set.images[i].detections, a)
	}
	return nil
}

// decodeSegmentation decodes polygons, plain counts or a compressed mask of an
// image of h x w pixels.
func decodeSegmentation(text []byte, h, w int) (rle.Mask, error) {
	s := jsonscan.New("segmentation", text)
	switch s.Kind() {
	case '[':
		const digits = 5 // of most numbers, at least, including the separator
		var polygons [][]float64
		numbers := make([]float64, 0, len(text)/digits)
		s.Array(func() {
			begin := len(numbers)
			s.Array(func() { numbers = append(numbers, s.Float()) })
			polygons = append(polygons, numbers[begin:len(numbers):len(numbers)])
		})
		if s.Err() != nil {
			return rle.Mask{}, s.Err()
		}
		return rle.FromPolygons(polygons, h, w)
	case '{':
		return decodeRLE(s, h, w)
	}
	return rle.Mask{}, fmt.Errorf("segmentation is neither polygons nor a run-length mask")
}

func decodeRLE(s *jsonscan.Scanner, h, w int) (rle.Mask, error) {
	size := []int64{}
	var compressed string
	var counts []uint32
	need := missing{"size", "counts"}
	s.Object(func(key string) {
		if s.Null() {
			return // as if the key were missing
		}
		need.found(key)
		switch {
		case key == "size":
			s.Array(func() { size = append(size, s.Int()) })
		case key == "counts" && s.Kind() == '"':
			compressed = s.String()
		case key == "counts":
			counts = []uint32{}
			s.Array(func() {
				n := s.Int()
				if n < 0 || n > math.MaxUint32 {
					s.Fail("run of %d pixels", n)
				}
				counts = append(counts, uint32(n))
			})
		default:
			s.Skip()
		}
	})
	need.check(s, "segmentation")
	if s.Err() != nil {
		return rle.Mask{}, s.Err()
	}
	if len(size) != 2 || size[0] != int64(h) || size[1] != int64(w) {
		return rle.Mask{}, fmt.Errorf("wrong size: mask of %v (height, width), image of [%d %d]", size, h, w)
	}
	if counts != nil {
		return rle.FromCounts(counts, h, w)
	}
	return rle.FromString(compressed, h, w)
}
