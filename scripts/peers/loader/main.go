// Loader is this project's side of scripts/peers/loader.py: it runs the jobs of a
// file on one thread, checks that the results are the reference's and prints the
// mean milliseconds per image as JSON.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"time"

	"eomt/data"
	"eomt/data/coco"
	"eomt/data/transform"
)

// job is one image with the draws to use and what must come out of them.
type job struct {
	Image                            int64
	Targets, Sum, Area               int
	Brightness, Contrast, Saturation float32
	Hue                              float32
	ContrastLast                     bool `json:"contrast_last"`
	Flip                             bool
	Scale                            float32
	Top, Left                        int
}

func main() {
	root := flag.String("root", "", "folder with train2017 and annotations")
	jobs := flag.String("jobs", "", "file of jobs")
	flag.Parse()
	if err := run(*root, *jobs); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(root, path string) error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var jobs []job
	if err := json.Unmarshal(raw, &jobs); err != nil {
		return err
	}
	set, err := coco.OpenInstance(data.OpenOptions{Root: root, Split: "train"})
	if err != nil {
		return err
	}
	defer set.Close()
	index := map[int64]int{}
	for i := range set.Len() {
		index[set.Info(i).ImageID] = i
	}
	train := transform.Train{H: 640, W: 640, ScaleMin: 0.1, ScaleMax: 2, ColorJitter: true}
	var load, apply time.Duration
	for _, j := range jobs {
		start := time.Now()
		s, err := set.Load(index[j.Image])
		if err != nil {
			return err
		}
		loaded := time.Now()
		out, err := train.ApplyDraws(s, j.draws())
		if err != nil {
			return err
		}
		apply += time.Since(loaded)
		load += loaded.Sub(start)
		if err := j.check(out); err != nil {
			return err
		}
	}
	mean := func(d time.Duration) float64 { return d.Seconds() * 1e3 / float64(len(jobs)) }
	return json.NewEncoder(os.Stdout).Encode(map[string]float64{"load": mean(load), "transform": mean(apply)})
}

func (j job) draws() transform.Draws {
	return transform.Draws{
		Jitter: transform.Jitter{Brightness: j.Brightness, Contrast: j.Contrast, Saturation: j.Saturation, Hue: j.Hue, ContrastLast: j.ContrastLast},
		Flip:   j.Flip, Scale: j.Scale, Top: j.Top, Left: j.Left,
	}
}

// check compares targets and mask areas, which must be equal, and the image's
// sum, which may differ where decoders or PyTorch's resize through floats round.
func (j job) check(s *data.Sample) error {
	area := 0
	for _, a := range s.Masks.Areas(len(s.Instances)) {
		area += a
	}
	sum := 0
	for _, v := range s.Image.Pix {
		sum += int(v)
	}
	slack := len(s.Image.Pix) / 4
	if len(s.Instances) != j.Targets || area != j.Area || max(sum-j.Sum, j.Sum-sum) > slack {
		return fmt.Errorf("image %d: %d targets of %d pixels, image sum %d; the reference has %d of %d, %d",
			j.Image, len(s.Instances), area, sum, j.Targets, j.Area, j.Sum)
	}
	return nil
}
