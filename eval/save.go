package eval

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	"eomt/data"
	"eomt/data/decode"
	"eomt/eval/postprocess"
	"eomt/internal/atomicfile"
)

// The names of saved predictions in their folder.
const (
	panopticJSON = "panoptic.json"
	panopticDir  = "panoptic"
	instanceJSON = "instances.json"
	labelDir     = "labels"
	journalName  = "images.jsonl"
)

// saver writes predictions in the official formats: COCO panoptic PNGs and JSON,
// a COCO results list, or label PNGs with the data set's own ids. A nil saver
// writes nothing.
type saver struct {
	dir  string
	task Task
}

func newSaver(dir string, t Task) (*saver, error) {
	if dir == "" {
		return nil, nil
	}
	maps := map[Task]string{Panoptic: panopticDir, Semantic: labelDir}
	if err := os.MkdirAll(filepath.Join(dir, maps[t]), 0o777); err != nil {
		return nil, fmt.Errorf("eval: folder for predictions: %w", err)
	}
	return &saver{dir, t}, nil
}

// segmentInfo and panopticAnnotation are COCO's.
type segmentInfo struct {
	ID       uint32  `json:"id"`
	Category int     `json:"category_id"`
	Area     int     `json:"area"`
	Score    float64 `json:"score"`
}

type panopticAnnotation struct {
	Image    int64         `json:"image_id"`
	File     string        `json:"file_name"`
	Segments []segmentInfo `json:"segments_info"`
}

// panoptic writes the PNG and returns the annotation.
func (s *saver) panoptic(info data.ImageInfo, m postprocess.PanopticMap, classes []data.Class) (json.RawMessage, error) {
	if s == nil {
		return nil, nil
	}
	png, err := decode.EncodeIDs(m.IDs, m.W, m.H)
	if err != nil {
		return nil, err
	}
	name := mapName(info.Name)
	if err := writeMap(filepath.Join(s.dir, panopticDir, name), png); err != nil {
		return nil, err
	}
	a := panopticAnnotation{Image: info.ImageID, File: filepath.ToSlash(name), Segments: []segmentInfo{}}
	for _, segment := range m.Segments {
		a.Segments = append(a.Segments, segmentInfo{segment.ID, classes[segment.Class].ID, segment.Area, segment.Score})
	}
	return json.Marshal(a)
}

// detection is an entry of COCO's results list. It has no box, with which
// pycocotools would take the box's area for the mask's.
type detection struct {
	Image        int64        `json:"image_id"`
	Category     int          `json:"category_id"`
	Segmentation segmentation `json:"segmentation"`
	Score        float64      `json:"score"`
}

type segmentation struct {
	Size   [2]int `json:"size"`
	Counts string `json:"counts"`
}

// instances returns the image's part of the results list.
func (s *saver) instances(info data.ImageInfo, found []postprocess.Detection, classes []data.Class) (json.RawMessage, error) {
	if s == nil {
		return nil, nil
	}
	list := make([]detection, len(found))
	for i, d := range found {
		list[i] = detection{info.ImageID, classes[d.Class].ID, segmentation{[2]int{d.Mask.H, d.Mask.W}, d.Mask.String()}, d.Score}
	}
	return json.Marshal(list)
}

// labels writes the PNG.
func (s *saver) labels(info data.ImageInfo, l postprocess.Labels, classes []data.Class) error {
	if s == nil {
		return nil
	}
	ids := make([]uint16, len(l.Pix))
	for i, class := range l.Pix {
		ids[i] = uint16(classes[class].ID)
	}
	png, err := decode.EncodeLabels(ids, l.W, l.H)
	if err != nil {
		return err
	}
	return writeMap(filepath.Join(s.dir, labelDir, mapName(info.Name)), png)
}

// mapName is the PNG of an image file: its name, below the same folders if they
// stay inside.
func mapName(image string) string {
	name := strings.TrimSuffix(image, path.Ext(image)) + ".png"
	if !filepath.IsLocal(name) {
		name = path.Base(name)
	}
	return filepath.FromSlash(name)
}

func writeMap(file string, png []byte) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
		return err
	}
	return os.WriteFile(file, png, 0o666)
}

// finish writes the JSON file of the whole data set from the journal, in the
// order of records. It appears whole or not at all.
func (s *saver) finish(records []Record, classes []data.Class, j *journal) error {
	if s == nil || s.task == Semantic {
		return nil
	}
	name, write := panopticJSON, writePanoptic
	if s.task == Instance {
		name, write = instanceJSON, writeInstances
	}
	return atomicfile.Write(filepath.Join(s.dir, name), func(w io.Writer) error {
		return write(w, records, classes, j)
	})
}

// writePanoptic writes COCO's panoptic results: images and categories are there
// so that the file can also be read as a data set's.
func writePanoptic(w io.Writer, records []Record, classes []data.Class, j *journal) error {
	type image struct {
		ID     int64  `json:"id"`
		File   string `json:"file_name"`
		Width  int    `json:"width"`
		Height int    `json:"height"`
	}
	type category struct {
		ID      int    `json:"id"`
		Name    string `json:"name"`
		IsThing int    `json:"isthing"`
	}
	images, categories := make([]image, len(records)), make([]category, len(classes))
	for i, r := range records {
		images[i] = image{r.ImageID, r.Name, r.W, r.H}
	}
	for i, c := range classes {
		categories[i] = category{ID: c.ID, Name: c.Name}
		if c.Thing {
			categories[i].IsThing = 1
		}
	}
	head, err := json.Marshal(map[string]any{"images": images, "categories": categories})
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "%s,\n\"annotations\":[\n", strings.TrimSuffix(string(head), "}"))
	err = eachPrediction(records, j, func(i int, annotation json.RawMessage) error {
		return writeItem(w, i == 0, annotation)
	})
	fmt.Fprintln(w, "\n]}")
	return err
}

// writeInstances writes COCO's results list.
func writeInstances(w io.Writer, records []Record, _ []data.Class, j *journal) error {
	fmt.Fprint(w, "[\n")
	first := true
	err := eachPrediction(records, j, func(_ int, list json.RawMessage) error {
		var detections []json.RawMessage
		if err := json.Unmarshal(list, &detections); err != nil {
			return err
		}
		for _, d := range detections {
			if err := writeItem(w, first, d); err != nil {
				return err
			}
			first = false
		}
		return nil
	})
	fmt.Fprintln(w, "\n]")
	return err
}

func writeItem(w io.Writer, first bool, item json.RawMessage) error {
	if !first {
		if _, err := io.WriteString(w, ",\n"); err != nil {
			return err
		}
	}
	_, err := w.Write(item)
	return err
}

func eachPrediction(records []Record, j *journal, f func(i int, prediction json.RawMessage) error) error {
	for i, r := range records {
		prediction, err := j.prediction(r.Index)
		if err != nil {
			return err
		}
		if err := f(i, prediction); err != nil {
			return err
		}
	}
	return nil
}
