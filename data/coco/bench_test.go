package coco_test

import (
	"archive/zip"
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"testing"

	"eomt/data"
	"eomt/data/coco"
	"eomt/internal/memory"
)

// The sizes of COCO 2017 train.
const (
	trainImages      = 118287
	trainAnnotations = 860001
)

// writeEntry writes a zip of one entry.
func writeEntry(b *testing.B, path, name string, content func(w io.Writer)) {
	file, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	defer file.Close()
	archive := zip.NewWriter(file)
	entry, err := archive.Create(name)
	if err != nil {
		b.Fatal(err)
	}
	w := bufio.NewWriterSize(entry, 1<<20)
	content(w)
	if w.Flush() != nil || archive.Close() != nil {
		b.Fatalf("cannot write %s", path)
	}
}

// writeHead writes all of an annotation file up to the annotations.
func writeHead(w io.Writer, classes []data.Class) {
	fmt.Fprint(w, `{"info": {}, "licenses": [], "images": [`)
	for i := range trainImages {
		fmt.Fprintf(w, `%s{"license": 3,"file_name": "%012d.jpg","coco_url": "http://example.org/train2017/%012d.jpg",`+
			`"height": 480,"width": 640,"date_captured": "2013-11-14 11:18:45","flickr_url": "http://example.org/9187_z.jpg","id": %d}`, comma(i), i, i, i)
	}
	fmt.Fprint(w, `], "categories": [`)
	for i, c := range classes {
		thing := 0
		if c.Thing {
			thing = 1
		}
		fmt.Fprintf(w, `%s{"supercategory": "any","isthing": %d,"id": %d,"name": %q}`, comma(i), thing, c.ID, c.Name)
	}
	fmt.Fprint(w, `], "annotations": [`)
}

// comma separates list elements.
func comma(i int) string {
	if i == 0 {
		return ""
	}
	return ", "
}

// writeInstances writes 450 MB of instances with polygons of random walks.
func writeInstances(w io.Writer) {
	rng := rand.New(rand.NewPCG(1, 2))
	writeHead(w, coco.InstanceClasses())
	for i := range trainAnnotations {
		fmt.Fprint(w, comma(i), `{"segmentation": [[`)
		x, y := 100+400*rng.Float64(), 100+300*rng.Float64()
		for p := range 22 {
			x, y = x+10*rng.NormFloat64(), y+10*rng.NormFloat64()
			fmt.Fprintf(w, "%s%.2f, %.2f", comma(p), x, y)
		}
		fmt.Fprintf(w, `]],"area": %.4f,"iscrowd": 0,"image_id": %d,"bbox": [199.84, 200.46, 77.71, 70.88],"category_id": %d,"id": %d}`,
			1e4*rng.Float64(), rng.IntN(trainImages), 1+rng.IntN(11), i+1)
	}
	fmt.Fprint(w, `]}`)
}

// writeSegments writes a panoptic file with eleven segments per image.
func writeSegments(w io.Writer) {
	rng := rand.New(rand.NewPCG(1, 2))
	writeHead(w, coco.PanopticClasses())
	for i := range trainImages {
		fmt.Fprint(w, comma(i), `{"segments_info": [`)
		for s := range 11 {
			fmt.Fprintf(w, `%s{"id": %d, "category_id": %d, "iscrowd": 0, "bbox": [%d, %d, %d, %d], "area": %d}`,
				comma(s), 1+s+rng.IntN(1<<20)<<4, 1+rng.IntN(11), rng.IntN(640), rng.IntN(480), rng.IntN(640), rng.IntN(480), rng.IntN(1e5))
		}
		fmt.Fprintf(w, `], "file_name": "%012d.png", "image_id": %d}`, i, i)
	}
	fmt.Fprint(w, `]}`)
}

// writeNames writes a zip of empty files, one per image.
func writeNames(b *testing.B, path, pattern string) {
	file, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	defer file.Close()
	names := zip.NewWriter(file)
	for i := range trainImages {
		if _, err := names.Create(fmt.Sprintf(pattern, i)); err != nil {
			b.Fatal(err)
		}
	}
	if err := names.Close(); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkOpenTrain2017 opens indices of COCO train2017's size, images and
// annotations in zips. peak-MB is the peak memory of the process during opening.
func BenchmarkOpenTrain2017(b *testing.B) {
	root := b.TempDir()
	writeNames(b, filepath.Join(root, "train2017.zip"), "train2017/%012d.jpg")
	b.Run("instance", func(b *testing.B) {
		writeEntry(b, filepath.Join(root, "annotations_trainval2017.zip"), "annotations/instances_train2017.json", writeInstances)
		benchmarkOpen(b, root, coco.OpenInstance)
	})
	b.Run("panoptic", func(b *testing.B) {
		if err := os.Mkdir(filepath.Join(root, "annotations"), 0o777); err != nil {
			b.Fatal(err)
		}
		writeNames(b, filepath.Join(root, "annotations", "panoptic_train2017.zip"), "panoptic_train2017/%012d.png")
		writeEntry(b, filepath.Join(root, "panoptic_annotations_trainval2017.zip"), "annotations/panoptic_train2017.json", writeSegments)
		benchmarkOpen(b, root, coco.OpenPanoptic)
	})
}

func benchmarkOpen(b *testing.B, root string, open func(data.OpenOptions) (*coco.Dataset, error)) {
	debug.FreeOSMemory()
	os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) // resets the peak
	for b.Loop() {
		set, err := open(data.OpenOptions{Root: root, Split: "train"})
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(set.Len()), "images")
		set.Close()
		runtime.KeepAlive(set)
	}
	b.ReportMetric(float64(memory.Peak())/(1<<20), "peak-MB")
}
