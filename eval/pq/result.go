package pq

import "eomt/data"

// Mean is the average over N classes, as fractions.
type Mean struct {
	PQ float64 `json:"pq"`
	SQ float64 `json:"sq"`
	RQ float64 `json:"rq"`
	N  int     `json:"n"`
}

// ClassResult is the quality of one class over all images, as fractions.
type ClassResult struct {
	ID   int     `json:"id"`
	Name string  `json:"name"`
	PQ   float64 `json:"pq"`
	SQ   float64 `json:"sq"`
	RQ   float64 `json:"rq"`
	IoU  float64 `json:"iou"` // sum over the true positives
	TP   int     `json:"tp"`
	FP   int     `json:"fp"`
	FN   int     `json:"fn"`
}

// Result is the quality over all images. Its JSON form is the one that cmd/score
// and cmd/eval write.
type Result struct {
	All      Mean          `json:"All"`
	Things   Mean          `json:"Things"`
	Stuff    Mean          `json:"Stuff"`
	PerClass []ClassResult `json:"per_class"` // in order of the class table
}

// Result averages the statistics over the evaluator's classes. [Exact] leaves
// out classes without any segment, and [Upstream] counts them as 0. Where no
// class is left the means are 0 (panopticapi divides by zero).
func (e *Evaluator) Result(s *Stats) Result { return e.Weighted(s.Images(), nil) }

// Weighted is [Evaluator.Result] of images that count weights[i] times each, as
// in a resample of a data set; nil counts each once. Sums run in the order given.
func (e *Evaluator) Weighted(images []ImageStat, weights []int) Result {
	sums := map[int]*ClassStat{}
	for i, img := range images {
		weight := 1
		if weights != nil {
			weight = weights[i]
		}
		if weight == 0 {
			continue
		}
		for _, c := range img.Classes {
			if sums[c.Category] == nil {
				sums[c.Category] = &ClassStat{Category: c.Category}
			}
			sums[c.Category].add(c, weight)
		}
	}
	r := Result{PerClass: make([]ClassResult, 0, len(e.classes))}
	for _, class := range e.classes {
		c := ClassStat{}
		if sum := sums[class.ID]; sum != nil {
			c = *sum
		}
		of := e.classResult(class, c)
		r.PerClass = append(r.PerClass, of)
		if e.rule == Exact && c.TP+c.FP+c.FN == 0 {
			continue
		}
		r.All.add(of)
		if class.Thing {
			r.Things.add(of)
		} else {
			r.Stuff.add(of)
		}
	}
	r.All.divide()
	r.Things.divide()
	r.Stuff.divide()
	return r
}

func (e *Evaluator) classResult(class data.Class, c ClassStat) ClassResult {
	r := ClassResult{ID: class.ID, Name: class.Name, IoU: c.IoU, TP: c.TP, FP: c.FP, FN: c.FN}
	segments := float64(c.TP) + 0.5*float64(c.FP) + 0.5*float64(c.FN)
	if c.TP > 0 {
		r.SQ = c.IoU / float64(c.TP)
	}
	if segments > 0 {
		r.PQ = c.IoU / segments
		r.RQ = float64(c.TP) / segments
	}
	if segments > 0 && e.rule == Upstream {
		r.RQ = float64(float32(c.TP) / float32(segments)) // torchmetrics divides counts in float32
		r.PQ = r.SQ * r.RQ
	}
	return r
}

func (m *Mean) add(c ClassResult) {
	m.PQ += c.PQ
	m.SQ += c.SQ
	m.RQ += c.RQ
	m.N++
}

func (m *Mean) divide() {
	if m.N == 0 {
		return
	}
	n := float64(m.N)
	m.PQ, m.SQ, m.RQ = m.PQ/n, m.SQ/n, m.RQ/n
}
