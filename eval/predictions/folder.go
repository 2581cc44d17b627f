package predictions

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path"
	"path/filepath"
	"strings"

	"eomt/data"
	"eomt/data/decode"
	"eomt/eval/postprocess"
)

// The names of predictions in their folder.
const (
	PanopticJSON = "panoptic.json"
	PanopticDir  = "panoptic"
	InstanceJSON = "instances.json"
	LabelDir     = "labels"
	ImagesJSON   = "images.json" // where [Folder.WriteImages] was asked for
	FailedJSON   = "failed.json" // where [Folder.WriteFailed] had any
)

// Names are those of the results, folders first.
var Names = []string{PanopticDir, LabelDir, PanopticJSON, InstanceJSON}

// Folder is where the predictions of one task lie.
type Folder struct {
	Dir     string
	Task    postprocess.Task
	Classes []data.Class
}

// Make creates the folder and its subfolders. Label PNGs have 16 bits: a larger class
// id is an error.
func (f Folder) Make() error {
	for _, c := range f.Classes {
		if f.Task == postprocess.TaskSemantic && (c.ID < 0 || c.ID > math.MaxUint16) {
			return fmt.Errorf("predictions: class %q has the id %d: label PNGs hold ids of 0 to %d", c.Name, c.ID, math.MaxUint16)
		}
	}
	maps := map[postprocess.Task]string{postprocess.TaskPanoptic: PanopticDir, postprocess.TaskSemantic: LabelDir}
	if err := os.MkdirAll(filepath.Join(f.Dir, maps[f.Task]), 0o777); err != nil {
		return fmt.Errorf("predictions: make folder: %w", err)
	}
	return nil
}

// File is the PNG of an image, relative to the folder; empty if the task has
// none. It has the image's name, and lies below the same folders if they stay
// inside.
func (f Folder) File(image string) string {
	dir := PanopticDir
	switch f.Task {
	case postprocess.TaskInstance:
		return ""
	case postprocess.TaskSemantic:
		dir = LabelDir
	}
	return filepath.Join(dir, filepath.FromSlash(mapName(image)))
}

// mapName is the name of an image's PNG, with slashes.
func mapName(image string) string {
	name := strings.TrimSuffix(image, path.Ext(image)) + ".png"
	if !filepath.IsLocal(filepath.FromSlash(name)) {
		name = path.Base(name)
	}
	return name
}

// Write writes an image's PNG, if the task has one, and returns its entry in the
// JSON file, nil for the semantic task. It is safe for concurrent use.
func (f Folder) Write(info data.ImageInfo, s postprocess.Segmentation) (entry json.RawMessage, err error) {
	switch f.Task {
	case postprocess.TaskPanoptic:
		entry, err = f.panoptic(info, *s.Panoptic)
	case postprocess.TaskInstance:
		entry, err = json.Marshal(f.detections(info, s.Instances))
	default:
		err = f.labels(info, *s.Semantic)
	}
	if err != nil {
		return nil, fmt.Errorf("predictions: write: %w", err)
	}
	return entry, nil
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

func (f Folder) panoptic(info data.ImageInfo, m postprocess.PanopticMap) (json.RawMessage, error) {
	png, err := decode.EncodeIDs(m.IDs, m.W, m.H)
	if err != nil {
		return nil, err
	}
	if err := f.writeMap(info, png); err != nil {
		return nil, err
	}
	a := panopticAnnotation{Image: info.ImageID, File: mapName(info.Name), Segments: []segmentInfo{}}
	for _, segment := range m.Segments {
		a.Segments = append(a.Segments, segmentInfo{segment.ID, f.Classes[segment.Class].ID, segment.Area, segment.Score})
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

func (f Folder) detections(info data.ImageInfo, found []postprocess.Detection) []detection {
	list := make([]detection, len(found))
	for i, d := range found {
		list[i] = detection{info.ImageID, f.Classes[d.Class].ID, segmentation{[2]int{d.Mask.H, d.Mask.W}, d.Mask.String()}, d.Score}
	}
	return list
}

func (f Folder) labels(info data.ImageInfo, l postprocess.Labels) error {
	ids := make([]uint16, len(l.Pix))
	for i, class := range l.Pix {
		ids[i] = uint16(f.Classes[class].ID)
	}
	png, err := decode.EncodeLabels(ids, l.W, l.H)
	if err != nil {
		return err
	}
	return f.writeMap(info, png)
}

func (f Folder) writeMap(info data.ImageInfo, png []byte) error {
	file := filepath.Join(f.Dir, f.File(info.Name))
	if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
		return err
	}
	return os.WriteFile(file, png, 0o666)
}
