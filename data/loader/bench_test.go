package loader_test

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"

	"eomt/data/coco"
	"eomt/data/loader"
	"eomt/data/transform"
)

// BenchmarkRealInstances measures the whole training pipeline on real COCO images:
// decode, masks, transforms with colour jitter at 640 pixels, packing.
func BenchmarkRealInstances(b *testing.B) {
	root := filepath.Join("..", "..", "..", "shared", "realdata", "coco_instance")
	if _, err := os.Stat(root); err != nil {
		b.Skipf("real samples are not at %s", root)
	}
	set, err := coco.OpenInstance(coco.Config{Root: root, Split: "train"})
	if err != nil {
		b.Fatal(err)
	}
	defer set.Close()
	const batch = 4
	l := start(b, set, loader.Config{Batch: batch,
		Transform: transform.Train{H: 640, W: 640, ScaleMin: .1, ScaleMax: 2, ColorJitter: true}})
	take(b, l, 2) // what was made ahead before the clock started
	for b.Loop() {
		take(b, l, 1)
	}
	perSecond := batch * float64(b.N) / b.Elapsed().Seconds()
	b.ReportMetric(perSecond, "images/s")
	b.ReportMetric(perSecond/float64(runtime.GOMAXPROCS(0)), "images/s/core")
}

// BenchmarkSoak takes 20,000 images through the loader and reports the resident
// memory after 2,000 and at the end. Run it with -benchtime 1x.
func BenchmarkSoak(b *testing.B) {
	set := generated(b, 200, 128)
	const batch, early, late = 10, 2_000, 20_000
	for b.Loop() {
		l := start(b, set, loader.Config{Batch: batch,
			Transform: transform.Train{H: 128, W: 128, ScaleMin: .5, ScaleMax: 2, ColorJitter: true}})
		for done := 0; done < late; done += batch {
			if _, err := l.Next(context.Background()); err != nil {
				b.Fatal(err)
			}
			if done == early {
				b.ReportMetric(residentMB(b), "MB-after-2000")
			}
		}
		b.ReportMetric(residentMB(b), "MB-after-20000")
		l.Close()
	}
}

// residentMB is the process's resident memory after a garbage collection.
func residentMB(b *testing.B) float64 {
	debug.FreeOSMemory()
	raw, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		b.Skip("the system does not tell the resident memory")
	}
	pages, err := strconv.Atoi(strings.Fields(string(raw))[1])
	if err != nil {
		b.Fatal(err)
	}
	return float64(pages*os.Getpagesize()) / (1 << 20)
}
