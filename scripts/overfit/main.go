// Command overfit writes a COCO instance file with the first few annotated images of
// another one, for `make overfit-real`.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	from := flag.String("from", "../shared/realdata/coco_instance/annotations/instances_train2017.json", "instance `FILE`")
	out := flag.String("out", "data-cache/overfit-real.json", "`FILE` to write")
	images := flag.Int("images", 8, "images to take")
	flag.Parse()
	if err := write(*from, *out, *images); err != nil {
		fmt.Fprintln(os.Stderr, "overfit:", err)
		os.Exit(1)
	}
}

// document is an instance file, of which images and annotations stay as they are.
type document struct {
	Images      []json.RawMessage `json:"images"`
	Annotations []json.RawMessage `json:"annotations"`
	Categories  json.RawMessage   `json:"categories"`
}

func write(from, out string, images int) error {
	raw, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	var all document
	if err := json.Unmarshal(raw, &all); err != nil {
		return fmt.Errorf("%s: %w", from, err)
	}
	few, err := all.first(images)
	if err != nil {
		return fmt.Errorf("%s: %w", from, err)
	}
	if raw, err = json.Marshal(few); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(out), 0o777); err != nil {
		return err
	}
	return os.WriteFile(out, raw, 0o666)
}

// first keeps the first images that have annotations.
func (d document) first(images int) (document, error) {
	byImage := map[int64][]json.RawMessage{}
	for _, a := range d.Annotations {
		var record struct {
			Image int64 `json:"image_id"`
		}
		if err := json.Unmarshal(a, &record); err != nil {
			return document{}, err
		}
		byImage[record.Image] = append(byImage[record.Image], a)
	}
	few := document{Categories: d.Categories}
	for _, i := range d.Images {
		var record struct {
			ID int64 `json:"id"`
		}
		if err := json.Unmarshal(i, &record); err != nil {
			return document{}, err
		}
		if len(byImage[record.ID]) > 0 && len(few.Images) < images {
			few.Images = append(few.Images, i)
			few.Annotations = append(few.Annotations, byImage[record.ID]...)
		}
	}
	if len(few.Images) < images {
		return document{}, errors.New("too few images have annotations")
	}
	return few, nil
}
