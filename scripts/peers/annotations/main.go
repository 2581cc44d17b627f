// Annotations is this project's side of scripts/peers/annotations.py: it opens a
// COCO data set, or converts the masks of an annotation file, and prints the time
// as JSON.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"time"

	"eomt/data"
	"eomt/data/coco"
	"eomt/data/rle"
	"eomt/internal/memory"
)

func main() {
	root := flag.String("open", "", "folder of a data set to open")
	masks := flag.String("masks", "", "annotation file whose masks to convert")
	flag.Parse()
	result, err := map[string]float64{}, error(nil)
	if *root != "" {
		err = open(*root, result)
	} else {
		err = convert(*masks, result)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	json.NewEncoder(os.Stdout).Encode(result)
}

func open(root string, result map[string]float64) error {
	start := time.Now()
	set, err := coco.OpenInstance(data.OpenOptions{Root: root, Split: "train"})
	if err != nil {
		return err
	}
	result["seconds"], result["images"] = time.Since(start).Seconds(), float64(set.Len())
	result["mb"] = float64(memory.Peak()) / (1 << 20)
	return set.Close()
}

// segmentation is one annotation's mask in either form.
type segmentation struct {
	polygons [][]float64
	counts   []uint32
	h, w     int
}

func read(path string) ([]segmentation, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var document struct {
		Images      []struct{ ID, Height, Width int }
		Annotations []struct {
			ImageID      int `json:"image_id"`
			Segmentation json.RawMessage
		}
	}
	if err := json.Unmarshal(raw, &document); err != nil {
		return nil, err
	}
	var all []segmentation
	for _, a := range document.Annotations {
		var s segmentation
		for _, m := range document.Images {
			if m.ID == a.ImageID {
				s.h, s.w = m.Height, m.Width
			}
		}
		if json.Unmarshal(a.Segmentation, &s.polygons) != nil {
			var runs struct{ Counts []uint32 }
			if err := json.Unmarshal(a.Segmentation, &runs); err != nil {
				return nil, err
			}
			s.counts = runs.Counts
		}
		all = append(all, s)
	}
	return all, nil
}

// convert times the conversions of all masks, in milliseconds, the best of seven
// rounds. "area" is that of all masks, for the comparison.
func convert(path string, result map[string]float64) error {
	all, err := read(path)
	if err != nil {
		return err
	}
	best := func(name string, since time.Time) {
		ms := time.Since(since).Seconds() * 1e3
		if old, ok := result[name]; !ok || ms < old {
			result[name] = ms
		}
	}
	masks, texts, pixels := make([]rle.Mask, len(all)), make([]string, len(all)), make([][]uint8, len(all))
	for range 7 {
		start := time.Now()
		for i, s := range all {
			if s.counts != nil {
				masks[i], err = rle.FromCounts(s.counts, s.h, s.w)
			} else {
				masks[i], err = rle.FromPolygons(s.polygons, s.h, s.w)
			}
			if err != nil {
				return err
			}
		}
		best("polygons to runs", start)
		start = time.Now()
		for i, m := range masks {
			pixels[i] = m.Decode()
		}
		best("runs to pixels", start)
		start = time.Now()
		for i, s := range all {
			texts[i] = rle.Encode(pixels[i], s.h, s.w).String()
		}
		best("pixels to text", start)
		start = time.Now()
		for i, s := range all {
			if masks[i], err = rle.FromString(texts[i], s.h, s.w); err != nil {
				return err
			}
			pixels[i] = masks[i].Decode()
		}
		best("text to pixels", start)
	}
	for _, m := range masks {
		result["area"] += float64(m.Area())
	}
	return nil
}
