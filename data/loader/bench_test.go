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
	"time"

	"eomt/data"
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
	set, err := coco.OpenInstance(data.OpenOptions{Root: root, Split: "train"})
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

// BenchmarkSoak takes 20,000 images through the loader at the size of training and
// reports the resident memory after 2,000 and at the end, and the difference. Run
// it with -benchtime 1x; it takes minutes.
func BenchmarkSoak(b *testing.B) {
	set := generated(b, 40, 480)
	const batch, early, late = 10, 2_000, 20_000
	for b.Loop() {
		l := start(b, set, loader.Config{Batch: batch,
			Transform: transform.Train{H: 640, W: 640, ScaleMin: .1, ScaleMax: 2, ColorJitter: true}})
		var before float64
		for done := batch; done <= late; done += batch {
			if _, err := l.Next(context.Background()); err != nil {
				b.Fatal(err)
			}
			if done == early {
				before = residentMB(b)
			}
		}
		after := residentMB(b)
		b.ReportMetric(before, "MB-after-2000")
		b.ReportMetric(after, "MB-after-20000")
		b.ReportMetric(100*(after/before-1), "%-growth")
		l.Close()
	}
}

// residentMB is the process's resident memory after a garbage collection, when the
// queue of the loader is full.
func residentMB(b *testing.B) float64 {
	time.Sleep(3 * time.Second)
	debug.FreeOSMemory()
	raw, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		b.Skip("the system does not report the resident memory")
	}
	pages, err := strconv.Atoi(strings.Fields(string(raw))[1])
	if err != nil {
		b.Fatal(err)
	}
	return float64(pages*os.Getpagesize()) / (1 << 20)
}
