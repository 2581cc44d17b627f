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
	"strings"
	"testing"

	"eomt/data/coco"
)

// COCO 2017 train: the sizes that opening is measured at.
const (
	trainImages      = 118287
	trainAnnotations = 860001
)

// writeTrainIndex writes an instance file of COCO train2017's size (450 MB of
// text) in the official zip, with polygons of random walks.
func writeTrainIndex(b *testing.B, root string) {
	file, err := os.Create(filepath.Join(root, "annotations_trainval2017.zip"))
	if err != nil {
		b.Fatal(err)
	}
	defer file.Close()
	archive := zip.NewWriter(file)
	entry, err := archive.Create("annotations/instances_train2017.json")
	if err != nil {
		b.Fatal(err)
	}
	w := bufio.NewWriterSize(entry, 1<<20)
	writeTrainJSON(w)
	if w.Flush() != nil || archive.Close() != nil {
		b.Fatal("cannot write the archive")
	}
}

func writeTrainJSON(w io.Writer) {
	rng := rand.New(rand.NewPCG(1, 2))
	fmt.Fprint(w, `{"info": {}, "licenses": [], "images": [`)
	for i := range trainImages {
		if i > 0 {
			fmt.Fprint(w, ", ")
		}
		fmt.Fprintf(w, `{"license": 3,"file_name": "%012d.jpg","coco_url": "http://example.org/train2017/%012d.jpg",`+
			`"height": 480,"width": 640,"date_captured": "2013-11-14 11:18:45","flickr_url": "http://example.org/9187_z.jpg","id": %d}`, i, i, i)
	}
	fmt.Fprint(w, `], "categories": [`)
	for i, c := range coco.InstanceClasses() {
		if i > 0 {
			fmt.Fprint(w, ", ")
		}
		fmt.Fprintf(w, `{"supercategory": "any","id": %d,"name": %q}`, c.ID, c.Name)
	}
	fmt.Fprint(w, `], "annotations": [`)
	for i := range trainAnnotations {
		if i > 0 {
			fmt.Fprint(w, ", ")
		}
		fmt.Fprint(w, `{"segmentation": [[`)
		x, y := 100+400*rng.Float64(), 100+300*rng.Float64()
		for p := range 22 {
			if p > 0 {
				fmt.Fprint(w, ", ")
			}
			x, y = x+10*rng.NormFloat64(), y+10*rng.NormFloat64()
			fmt.Fprintf(w, "%.2f, %.2f", x, y)
		}
		fmt.Fprintf(w, `]],"area": %.4f,"iscrowd": 0,"image_id": %d,"bbox": [199.84, 200.46, 77.71, 70.88],"category_id": %d,"id": %d}`,
			1e4*rng.Float64(), rng.IntN(trainImages), 1+rng.IntN(11), i+1)
	}
	fmt.Fprint(w, `]}`)
}

// BenchmarkOpenTrain2017 opens an instance index of COCO train2017's size, images
// and annotations in zips. peak-MB is the most memory the process ever had.
func BenchmarkOpenTrain2017(b *testing.B) {
	root := b.TempDir()
	writeTrainIndex(b, root)
	file, err := os.Create(filepath.Join(root, "train2017.zip"))
	if err != nil {
		b.Fatal(err)
	}
	defer file.Close()
	images := zip.NewWriter(file)
	for i := range trainImages {
		if _, err := images.Create(fmt.Sprintf("train2017/%012d.jpg", i)); err != nil {
			b.Fatal(err)
		}
	}
	if err := images.Close(); err != nil {
		b.Fatal(err)
	}
	images = nil
	for b.Loop() {
		set, err := coco.OpenInstance(coco.Config{Root: root, Split: "train"})
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(set.Len()), "images")
		set.Close()
		runtime.KeepAlive(set)
	}
	b.ReportMetric(peakMB(), "peak-MB")
}

// peakMB is the process's largest resident set, where the system tells it.
func peakMB() float64 {
	status, _ := os.ReadFile("/proc/self/status")
	var kb float64
	if _, line, ok := strings.Cut(string(status), "VmHWM:"); ok {
		fmt.Sscan(line, &kb)
	}
	return kb / 1024
}
