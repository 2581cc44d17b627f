package inspect

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"

	"eomt/data"
)

// Findings are the results of reading a whole data set.
type Findings struct {
	Problems []Problem // in order of file and text
	Notes    []string  // what may be intended
	Sound    []int     // samples that can be loaded, ascending

	classes []classFindings
	dropped int // images that opening left out
	broken  int // images that cannot be loaded
	empty   int // sound images without a target
	hidden  int // targets without a pixel
	widths  []int
	heights []int
	targets []int // of each sound image, crowds included
	turned  []named
	extreme []named

	mu    sync.Mutex
	known map[Problem]bool
}

// Problem is one broken or contradictory file or record. Path is empty if the file
// is not known.
type Problem struct{ Path, Text string }

type classFindings struct {
	data.Class
	images, targets, crowds int
	pixels                  int64
}

// named is a sample that a note lists.
type named struct {
	index int
	text  string
}

func newFindings(set data.Dataset) *Findings {
	f := &Findings{known: map[Problem]bool{}}
	for _, c := range set.Classes() {
		f.classes = append(f.classes, classFindings{Class: c})
	}
	if t, ok := set.(thorough); ok {
		f.dropped = t.Dropped()
		for _, err := range t.Problems() {
			f.addError(err)
		}
	}
	f.checkNames(set)
	return f
}

// checkNames finds classes and images that share a name.
func (f *Findings) checkNames(set data.Dataset) {
	classes := map[string]data.Class{}
	for _, c := range set.Classes() {
		if first, used := classes[c.Name]; used {
			f.addProblem(Problem{"class table", fmt.Sprintf("classes %d and %d have the same name, %q", first.ID, c.ID, c.Name)})
			continue
		}
		classes[c.Name] = c
	}
	images := map[string]int64{}
	for i := range set.Len() {
		info := set.Info(i)
		if first, used := images[info.Name]; used {
			f.addProblem(Problem{info.Name, fmt.Sprintf("is the file of two images, %d and %d", first, info.ImageID)})
			continue
		}
		images[info.Name] = info.ImageID
	}
}

func (f *Findings) addError(err error) {
	p := Problem{Text: err.Error()}
	var format *data.FormatError
	var file *fs.PathError
	switch {
	case errors.As(err, &format):
		p = Problem{format.Path, strings.TrimPrefix(format.Error(), format.Path+": ")}
	case errors.As(err, &file):
		p = Problem{file.Path, "cannot be read: " + file.Err.Error()}
	}
	f.addProblem(p)
}

func (f *Findings) addProblem(p Problem) {
	if !f.known[p] { // opening and loading find the same records
		f.known[p] = true
		f.Problems = append(f.Problems, p)
	}
}

// addBroken records why a sample cannot be loaded.
func (f *Findings) addBroken(errs []error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.broken++
	for _, err := range errs {
		f.addError(err)
	}
}

// maxAspect is the aspect ratio above which an image is noted. Resized to fit a square
// of 640 pixels, such an image is less than four patches high.
const maxAspect = 10

// add records sample i and its faults.
func (f *Findings) add(i int, s *data.Sample, faults []error) {
	areas := s.Masks.Areas(len(s.Instances))
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, err := range faults {
		f.addError(err)
	}
	f.Sound = append(f.Sound, i)
	f.widths = append(f.widths, s.Image.W)
	f.heights = append(f.heights, s.Image.H)
	f.targets = append(f.targets, len(s.Instances))
	if s.Orientation > 1 {
		f.turned = append(f.turned, named{i, fmt.Sprintf("%s (%d)", s.Name, s.Orientation)})
	}
	if long, short := max(s.Image.W, s.Image.H), min(s.Image.W, s.Image.H); long > maxAspect*short {
		f.extreme = append(f.extreme, named{i, fmt.Sprintf("%s (%d x %d)", s.Name, s.Image.W, s.Image.H)})
	}
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

// finish sorts what the workers found and writes the notes.
func (f *Findings) finish() {
	slices.Sort(f.Sound)
	slices.SortFunc(f.Problems, Problem.compare)
	if n := len(f.turned); n > 0 {
		f.note("EXIF orientation other than upright (1): %s, %s. data.exif: ignore reads pixels as they are stored, "+
			"which is right for annotations of the stored pixels (COCO's and most tools'); data.exif: apply turns images upright, "+
			"which is right for annotations that were made on the upright picture; the samples drawn by -out show which",
			count(n, "image"), examples(f.turned))
	}
	if n := len(f.extreme); n > 0 {
		f.note("one side more than %d times the other, so that little is left at the training size: %s, %s", maxAspect, count(n, "image"), examples(f.extreme))
	}
	var absent []string
	for _, c := range f.classes {
		if c.targets == 0 {
			absent = append(absent, fmt.Sprintf("%s (%d)", c.Name, c.ID))
		}
	}
	if n := len(absent); n > 0 && len(f.Sound) > 0 {
		f.note("without an object: %d of %s, %s", n, count(len(f.classes), "class"), list(absent))
	}
}

func (f *Findings) note(format string, args ...any) {
	f.Notes = append(f.Notes, fmt.Sprintf(format, args...))
}

// maxListed is how many names a note lists.
const maxListed = 5

// examples lists the first samples.
func examples(all []named) string {
	slices.SortFunc(all, func(a, b named) int { return a.index - b.index })
	texts := make([]string, len(all))
	for i, n := range all {
		texts[i] = n.text
	}
	return list(texts)
}

func list(texts []string) string {
	text := strings.Join(texts[:min(len(texts), maxListed)], ", ")
	if more := len(texts) - maxListed; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}
