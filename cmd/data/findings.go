package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"

	"eomt/configs"
	"eomt/data"
)

// findings is what reading a whole data set shows.
type findings struct {
	classes []classFindings
	dropped int // images that opening left out
	broken  int // images that cannot be loaded
	sound   []int
	empty   int // sound images without a target
	hidden  int // targets without a pixel
	widths  []int
	heights []int
	targets []int // of each sound image, crowds included

	mu       sync.Mutex
	problems []problem
	known    map[problem]bool
}

type classFindings struct {
	data.Class
	images, targets, crowds int
	pixels                  int64
}

// problem is one broken file or record.
type problem struct{ path, text string }

func newFindings(ds data.Dataset) *findings {
	f := &findings{known: map[problem]bool{}}
	for _, c := range ds.Classes() {
		f.classes = append(f.classes, classFindings{Class: c})
	}
	if d, ok := ds.(interface{ Dropped() int }); ok {
		f.dropped = d.Dropped()
	}
	if d, ok := ds.(interface{ Problems() []error }); ok {
		for _, err := range d.Problems() {
			f.addProblem(err)
		}
	}
	return f
}

func (f *findings) addProblem(err error) {
	p := problem{text: err.Error()}
	var format *data.FormatError
	var file *fs.PathError
	switch {
	case errors.As(err, &format):
		p = problem{format.Path, strings.TrimPrefix(format.Error(), format.Path+": ")}
	case errors.As(err, &file):
		p = problem{file.Path, "cannot be read: " + file.Err.Error()}
	}
	if !f.known[p] { // opening and loading find the same records
		f.known[p] = true
		f.problems = append(f.problems, p)
	}
}

// addBroken takes in why a sample cannot be loaded.
func (f *findings) addBroken(errs ...error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.broken++
	for _, err := range errs {
		f.addProblem(err)
	}
}

// add takes in sample i.
func (f *findings) add(i int, s *data.Sample) {
	areas := s.Masks.Areas(len(s.Instances))
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sound = append(f.sound, i)
	f.widths = append(f.widths, s.Image.W)
	f.heights = append(f.heights, s.Image.H)
	f.targets = append(f.targets, len(s.Instances))
	if len(s.Instances) == 0 {
		f.empty++
	}
	seen := map[int]bool{}
	for m, instance := range s.Instances {
		c := &f.classes[instance.Class]
		if c.targets++; instance.Crowd {
			c.crowds++
		}
		if c.pixels += int64(areas[m]); areas[m] == 0 {
			f.hidden++
		}
		if !seen[instance.Class] {
			seen[instance.Class] = true
			c.images++
		}
	}
}

// write prints the findings.
func (f *findings) write(w io.Writer, c configs.Config, split string) {
	slices.Sort(f.sound)
	fmt.Fprintf(w, "%s %s, %s: %d images read, %d left out, %d broken, %d problems\n",
		c.Data.Format, c.Task, split, len(f.sound), f.dropped, f.broken, len(f.problems))
	if len(f.sound) > 0 {
		f.writeSizes(w)
	}
	f.writeClasses(w)
	f.writeProblems(w)
}

// writeSizes prints the spread of sizes and targets.
func (f *findings) writeSizes(w io.Writer) {
	fmt.Fprintf(w, "  width   %s pixels\n  height  %s pixels\n  targets %s an image, %d images without, %d targets without a pixel\n",
		spread(f.widths), spread(f.heights), spread(f.targets), f.empty, f.hidden)
	limit := data.Buckets[len(data.Buckets)-1]
	if n := len(slices.DeleteFunc(slices.Clone(f.targets), func(n int) bool { return n <= limit })); n > 0 {
		fmt.Fprintf(w, "  %d images have more than %d targets; training drops their smallest\n", n, limit)
	}
}

// spread describes a list of numbers, which is not empty.
func spread(values []int) string {
	sorted := slices.Sorted(slices.Values(values))
	sum := 0
	for _, v := range sorted {
		sum += v
	}
	return fmt.Sprintf("%d to %d, median %d, mean %.1f", sorted[0], sorted[len(sorted)-1],
		sorted[len(sorted)/2], float64(sum)/float64(len(sorted)))
}

func (f *findings) writeClasses(w io.Writer) {
	var pixels int64
	for i := range f.widths {
		pixels += int64(f.widths[i]) * int64(f.heights[i])
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "class\tid\tkind\timages\ttargets\tcrowds\tpixels\t  name")
	for i, c := range f.classes {
		kind := "stuff"
		if c.Thing {
			kind = "thing"
		}
		fmt.Fprintf(table, "%d\t%d\t%s\t%d\t%d\t%d\t%.2f%%\t  %s\n", i, c.ID, kind, c.images, c.targets, c.crowds,
			100*float64(c.pixels)/float64(max(1, pixels)), c.Name)
	}
	table.Flush()
}

// writeProblems lists the problems by file.
func (f *findings) writeProblems(w io.Writer) {
	slices.SortFunc(f.problems, func(a, b problem) int { return cmp.Or(cmp.Compare(a.path, b.path), cmp.Compare(a.text, b.text)) })
	counts := map[string]int{}
	for _, p := range f.problems {
		counts[p.path]++
	}
	if len(f.problems) == 0 {
		fmt.Fprintln(w, "no problems")
		return
	}
	fmt.Fprintf(w, "%d problems in %d files:\n", len(f.problems), len(counts))
	last := ""
	for i, p := range f.problems {
		if i == 0 || p.path != last {
			fmt.Fprintf(w, "%s (%d)\n", cmp.Or(p.path, "files that cannot be read"), counts[p.path])
			last = p.path
		}
		fmt.Fprintf(w, "    %s\n", p.text)
	}
}
