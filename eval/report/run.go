package report

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"eomt/data"
	"eomt/eval"
	"eomt/eval/ap"
	"eomt/eval/iou"
	"eomt/eval/pq"
)

// Info is what metrics depend on besides images.
type Info struct {
	Name     string        `json:"name"` // unique in a report
	Step     int           `json:"step"` // of training; 0 if unknown
	Protocol eval.Protocol `json:"protocol"`
	Task     eval.Task     `json:"task"`
	Absent   iou.Absent    `json:"absent"` // semantic
	Classes  []data.Class  `json:"classes"`
	Group    string        `json:"group"` // the same for runs that differ by seed only; may be empty
	// Benchmark is the published data set that the images are of, as
	// [PublishedFigures] takes it; empty for any other.
	Benchmark string `json:"benchmark,omitempty"`
}

// Run is an evaluation under one protocol.
type Run struct {
	Info
	Images []Image // in the order in which the metric's core sums them
}

// Image is the statistics of one image: the field of its task is set in Stat.
type Image struct {
	Index    int // in the data set
	ImageID  int64
	Name     string
	W, H     int
	Stat     eval.Stat
	Headline float64 // NaN if the image has nothing to be scored
	Found    []eval.Found
	Confused []eval.Confused
}

// NewRun takes a protocol's statistics from a stored evaluation, without images that
// the protocol skips. info states name, step and group.
func NewRun(info Info, p eval.Protocol, s *eval.Stored) (Run, error) {
	r := Run{Info: info}
	r.Protocol, r.Task, r.Classes = p, s.Config.Task, s.Classes
	if r.Absent = s.Config.Absent; p == eval.Upstream {
		r.Absent = iou.AbsentZero
	}
	for _, record := range s.Records {
		stat := record.Exact
		if p == eval.Upstream {
			stat = record.Upstream
		}
		if stat == nil {
			continue
		}
		r.Images = append(r.Images, Image{Index: record.Index, ImageID: record.ImageID, Name: record.Name,
			W: record.W, H: record.H, Stat: *stat, Found: record.Found, Confused: record.Confused})
	}
	if len(r.Images) == 0 {
		return r, fmt.Errorf("report: run %s: no images by protocol %s", r.Name, p)
	}
	return r, r.normalise()
}

// normalise sorts images into the order of their core, and each image's lists into
// that of per_image.parquet, so that sums are identical bit by bit however a run was
// read; it also computes the headlines.
func (r *Run) normalise() error {
	slices.SortFunc(r.Images, func(a, b Image) int {
		if r.Task == eval.Semantic {
			return cmp.Compare(a.Name, b.Name)
		}
		return cmp.Compare(a.ImageID, b.ImageID)
	})
	for i := 1; i < len(r.Images); i++ {
		if a, b := &r.Images[i-1], &r.Images[i]; a.key(r.Task) == b.key(r.Task) {
			return fmt.Errorf("report: run %s: duplicate image %s", r.Name, b.Name)
		}
	}
	s, err := newScorer(r)
	if err != nil {
		return fmt.Errorf("report: run %s: %w", r.Name, err)
	}
	for i := range r.Images {
		img := &r.Images[i]
		if img.Stat.Semantic != nil {
			slices.SortFunc(img.Stat.Semantic.Cells, func(a, b iou.Cell) int {
				return cmp.Or(cmp.Compare(a.Truth, b.Truth), cmp.Compare(a.Pred, b.Pred))
			})
		}
		slices.SortStableFunc(img.Found, func(a, b eval.Found) int { return cmp.Compare(a.Class, b.Class) })
		slices.SortStableFunc(img.Confused, func(a, b eval.Confused) int {
			return cmp.Or(cmp.Compare(a.Truth, b.Truth), cmp.Compare(a.Pred, b.Pred))
		})
		img.Headline = s.headline(i)
	}
	return nil
}

// key identifies an image in a data set.
func (i *Image) key(t eval.Task) any {
	if t == eval.Semantic {
		return i.Name
	}
	return i.ImageID
}

// labels are the classes' names, made unique by their ids where necessary.
func (i Info) labels() []string {
	count := map[string]int{}
	for _, c := range i.Classes {
		count[c.Name]++
	}
	labels := make([]string, len(i.Classes))
	for k, c := range i.Classes {
		if labels[k] = c.Name; count[c.Name] > 1 || c.Name == "" || c.Name == nothing {
			labels[k] = fmt.Sprintf("%s %d", c.Name, c.ID)
		}
	}
	return labels
}

// classIndex gives positions in the class table by id.
func (i Info) classIndex() map[int]int {
	index := make(map[int]int, len(i.Classes))
	for k, c := range i.Classes {
		index[c.ID] = k
	}
	return index
}

// statClasses lists the class indices that an image's statistics have.
func (i Info) statClasses(img *Image, index map[int]int) []int {
	classes := map[int]bool{}
	switch {
	case img.Stat.Panoptic != nil:
		for _, c := range img.Stat.Panoptic.Classes {
			classes[index[c.Category]] = true
		}
	case img.Stat.Instance != nil:
		for _, c := range img.Stat.Instance.Classes {
			classes[index[c.Category]] = true
		}
	case img.Stat.Semantic != nil:
		for _, c := range img.Stat.Semantic.Cells {
			classes[c.Truth] = true
		}
	}
	for _, f := range img.Found {
		classes[f.Class] = true
	}
	for _, c := range img.Confused {
		if c.Truth != eval.NoClass {
			classes[c.Truth] = true
		}
	}
	return slices.SortedFunc(maps.Keys(classes), func(a, b int) int { return cmp.Compare(i.Classes[a].ID, i.Classes[b].ID) })
}

// stats are the images' statistics as their core takes them.
func panopticStats(r *Run) []pq.ImageStat {
	stats := make([]pq.ImageStat, len(r.Images))
	for i := range stats {
		stats[i] = *r.Images[i].Stat.Panoptic
	}
	return stats
}

func instanceStats(r *Run) []ap.ImageStat {
	stats := make([]ap.ImageStat, len(r.Images))
	for i := range stats {
		stats[i] = *r.Images[i].Stat.Instance
	}
	return stats
}

func semanticStats(r *Run) []iou.ImageStat {
	stats := make([]iou.ImageStat, len(r.Images))
	for i := range stats {
		stats[i] = *r.Images[i].Stat.Semantic
	}
	return stats
}
