package inspect

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"eomt/data"
)

// Write prints the findings under a title.
func (f *Findings) Write(w io.Writer, title string) {
	fmt.Fprintf(w, "%s: %s read, %d left out, %d broken, %s\n", title, count(len(f.Sound), "image"), f.dropped, f.broken, count(len(f.Problems), "problem"))
	if len(f.Sound) > 0 {
		f.writeSizes(w)
	}
	f.writeClasses(w)
	f.writeNotes(w)
	f.writeProblems(w)
}

// writeSizes prints the spread of sizes and targets.
func (f *Findings) writeSizes(w io.Writer) {
	fmt.Fprintf(w, "  width   %s pixels\n  height  %s pixels\n  targets %s per image, %s without, %s without a pixel\n",
		spread(f.widths), spread(f.heights), spread(f.targets), count(f.empty, "image"), count(f.hidden, "target"))
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

func (f *Findings) writeClasses(w io.Writer) {
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

func (f *Findings) writeNotes(w io.Writer) {
	if len(f.Notes) > 0 {
		fmt.Fprintf(w, "%s:\n", count(len(f.Notes), "note"))
	}
	for _, note := range f.Notes {
		fmt.Fprintf(w, "    %s\n", note)
	}
}

// writeProblems lists the problems by file.
func (f *Findings) writeProblems(w io.Writer) {
	switch {
	case len(f.Problems) == 0 && len(f.Notes) == 0:
		fmt.Fprintln(w, "no problems")
		return
	case len(f.Problems) == 0:
		fmt.Fprintln(w, "no broken files or records; see the notes")
		return
	}
	counts := map[string]int{}
	for _, p := range f.Problems {
		counts[p.Path]++
	}
	fmt.Fprintf(w, "%s in %s:\n", count(len(f.Problems), "problem"), count(len(counts), "file"))
	last := ""
	for i, p := range f.Problems {
		if i == 0 || p.Path != last {
			fmt.Fprintf(w, "%s (%d)\n", cmp.Or(p.Path, "files that cannot be read"), counts[p.Path])
			last = p.Path
		}
		fmt.Fprintf(w, "    %s\n", p.Text)
	}
}

func (p Problem) compare(q Problem) int {
	return cmp.Or(cmp.Compare(p.Path, q.Path), cmp.Compare(p.Text, q.Text))
}

// count is a number with its noun: 1 file, 2 classes.
func count(n int, noun string) string {
	switch {
	case n == 1:
		return "1 " + noun
	case strings.HasSuffix(noun, "s"):
		return fmt.Sprintf("%d %ses", n, noun)
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
