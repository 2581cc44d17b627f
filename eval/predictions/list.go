package predictions

import (
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"eomt/data"
	"eomt/eval/postprocess"
	"eomt/internal/atomicfile"
)

// List is the task's JSON file of all images; empty if the task has none.
func (f Folder) List() string {
	return map[postprocess.Task]string{postprocess.TaskPanoptic: PanopticJSON, postprocess.TaskInstance: InstanceJSON}[f.Task]
}

// WriteImages writes images.json, COCO's "images" and "categories" without
// annotations: which file each image id of the results is, and which class each
// category id. pycocotools reads it as the data set that a results list belongs to.
func (f Folder) WriteImages(images []data.ImageInfo) error {
	text, err := json.MarshalIndent(f.tables(images), "", " ")
	if err == nil {
		err = f.replace(ImagesJSON, func(w io.Writer) error {
			_, err := w.Write(append(text, '\n'))
			return err
		})
	}
	return err
}

// Failure is an image without a prediction.
type Failure struct {
	File  string `json:"file"`
	Error string `json:"error"`
}

// WriteFailed writes failed.json, unless there is no failure.
func (f Folder) WriteFailed(list []Failure) error {
	if len(list) == 0 {
		return nil
	}
	text, err := json.MarshalIndent(list, "", " ")
	if err != nil {
		return fmt.Errorf("predictions: write %s: %w", FailedJSON, err)
	}
	return f.replace(FailedJSON, func(w io.Writer) error {
		_, err := w.Write(append(text, '\n'))
		return err
	})
}

// Finish writes the JSON file of all images, in order; entry gives what
// [Folder.Write] returned for image i. The file appears whole or not at all. The
// semantic task has none.
func (f Folder) Finish(images []data.ImageInfo, entry func(i int) (json.RawMessage, error)) error {
	write := f.writePanoptic
	switch f.Task {
	case postprocess.TaskSemantic:
		return nil
	case postprocess.TaskInstance:
		write = writeInstances
	}
	return f.replace(f.List(), func(w io.Writer) error { return write(w, images, entry) })
}

// replace writes a file of the folder, which appears whole or not at all.
func (f Folder) replace(name string, write func(io.Writer) error) error {
	if err := atomicfile.Write(filepath.Join(f.Dir, name), write); err != nil {
		return fmt.Errorf("predictions: write %s: %w", name, err)
	}
	return nil
}

// image and category are COCO's.
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

// tables are the images and categories of a COCO file.
func (f Folder) tables(infos []data.ImageInfo) map[string]any {
	images, categories := make([]image, len(infos)), make([]category, len(f.Classes))
	for i, info := range infos {
		images[i] = image{info.ImageID, info.Name, info.W, info.H}
	}
	for i, c := range f.Classes {
		categories[i] = category{ID: c.ID, Name: c.Name}
		if c.Thing {
			categories[i].IsThing = 1
		}
	}
	return map[string]any{"images": images, "categories": categories}
}

// writePanoptic writes COCO's panoptic results: images and categories are in it so
// that the file can also be read as a data set's.
func (f Folder) writePanoptic(w io.Writer, images []data.ImageInfo, entry func(i int) (json.RawMessage, error)) error {
	head, err := json.Marshal(f.tables(images))
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "%s,\n\"annotations\":[\n", strings.TrimSuffix(string(head), "}"))
	for i := range images {
		annotation, err := entry(i)
		if err == nil {
			err = writeItem(w, i == 0, annotation)
		}
		if err != nil {
			return err
		}
	}
	_, err = fmt.Fprintln(w, "\n]}")
	return err
}

// writeInstances writes COCO's results list.
func writeInstances(w io.Writer, images []data.ImageInfo, entry func(i int) (json.RawMessage, error)) error {
	fmt.Fprint(w, "[\n")
	first := true
	for i := range images {
		list, err := entry(i)
		if err != nil {
			return err
		}
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
	}
	_, err := fmt.Fprintln(w, "\n]")
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
