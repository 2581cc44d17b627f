package eval

import (
	"fmt"

	"eomt/data"
	"eomt/eval/ap"
	"eomt/eval/inference"
	"eomt/eval/iou"
	"eomt/eval/postprocess"
	"eomt/eval/pq"
)

// Task is what is predicted.
type Task = postprocess.Task

const (
	Panoptic = postprocess.TaskPanoptic // scored by PQ
	Instance = postprocess.TaskInstance // scored by mask AP
	Semantic = postprocess.TaskSemantic // scored by mIoU
)

// Protocol selects whose rules the metrics follow.
type Protocol string

const (
	Exact    Protocol = "exact"    // the data sets' official tools
	Upstream Protocol = "upstream" // the reference implementation's validation
	Both     Protocol = "both"
)

// parts are the protocols that a protocol stands for.
func (p Protocol) parts() []Protocol {
	if p == Both {
		return []Protocol{Exact, Upstream}
	}
	return []Protocol{p}
}

// task implements what differs between tasks.
type task interface {
	// score fills in the record's statistics. An image that a protocol leaves out
	// gets no statistics of it.
	score(info data.ImageInfo, r inference.Result) (Record, error)
	// outcome computes a protocol's figures from its statistics.
	outcome(p Protocol, stats []*Stat) (Outcome, error)
}

func newTask(c Config, classes []data.Class) (task, error) {
	switch c.Task {
	case Panoptic:
		t := &panopticTask{Config: c, classes: classes, rules: map[Protocol]*pq.Evaluator{}}
		for p, rule := range map[Protocol]pq.Rule{Exact: pq.Exact, Upstream: pq.Upstream} {
			evaluator, err := pq.New(rule, classes)
			if err != nil {
				return nil, fmt.Errorf("eval: %w", err)
			}
			t.rules[p] = evaluator
		}
		return t, nil
	case Instance:
		t := &instanceTask{Config: c, classes: classes, rules: map[Protocol]*ap.Evaluator{}}
		for p, rule := range map[Protocol]ap.Rule{Exact: ap.Exact, Upstream: ap.Upstream} {
			evaluator, err := ap.New(rule, classes)
			if err != nil {
				return nil, fmt.Errorf("eval: %w", err)
			}
			t.rules[p] = evaluator
		}
		return t, nil
	}
	truth, pred := iou.Mapping{unlabelled: iou.NoClass}, iou.Mapping{}
	for i := range classes {
		truth[uint16(i)], pred[uint16(i)] = i, i
	}
	return &semanticTask{Config: c, classes: classes, rules: map[Protocol]*iou.Evaluator{
		Exact:    iou.New(classes, truth, pred, c.Absent),
		Upstream: iou.New(classes, truth, pred, iou.AbsentZero),
	}}, nil
}

// panopticTask scores segments by PQ.
type panopticTask struct {
	Config
	classes []data.Class
	rules   map[Protocol]*pq.Evaluator
}

func (t *panopticTask) score(info data.ImageInfo, r inference.Result) (Record, error) {
	found := r.Panoptic
	img := pq.Image{ID: info.ImageID, Truth: truthMap(r.Sample, t.classes), Pred: pq.Map{W: found.W, H: found.H, IDs: found.IDs}}
	for _, s := range found.Segments {
		img.Pred.Segments = append(img.Pred.Segments, pq.Segment{ID: int64(s.ID), Category: t.classes[s.Class].ID})
	}
	var record Record
	for _, p := range t.Protocol.parts() {
		if p == Upstream && len(r.Sample.Instances) == 0 {
			continue
		}
		stat, err := t.rules[p].Image(img)
		if err != nil {
			return Record{}, err
		}
		record.set(p, &Stat{Panoptic: &stat})
	}
	record.Found, record.Confused = segmentsFound(img, found.Segments, classesOf(r.Sample))
	return record, nil
}

func (t *panopticTask) outcome(p Protocol, stats []*Stat) (Outcome, error) {
	var all pq.Stats
	for _, s := range stats {
		if err := all.Add(*s.Panoptic); err != nil {
			return Outcome{}, fmt.Errorf("eval: %w", err)
		}
	}
	result := t.rules[p].Result(&all)
	return Outcome{Protocol: p, Panoptic: &result}, nil
}

// instanceTask scores masks by AP.
type instanceTask struct {
	Config
	classes []data.Class
	rules   map[Protocol]*ap.Evaluator
}

func (t *instanceTask) score(info data.ImageInfo, r inference.Result) (Record, error) {
	img := ap.Image{ID: info.ImageID, Truths: truths(r.Sample, t.classes)}
	for _, d := range r.Instances {
		img.Detections = append(img.Detections, ap.Detection{Category: t.classes[d.Class].ID, Score: d.Score,
			Area: float64(d.Mask.Area()), Mask: d.Mask})
	}
	var record Record
	for _, p := range t.Protocol.parts() {
		if p == Upstream && len(r.Sample.Instances) == 0 {
			continue
		}
		stat, err := t.rules[p].Image(img)
		if err != nil {
			return Record{}, err
		}
		record.set(p, &Stat{Instance: &stat})
	}
	record.Found, record.Confused = detectionsFound(img.Truths, classesOf(r.Sample), r.Instances)
	return record, nil
}

func (t *instanceTask) outcome(p Protocol, stats []*Stat) (Outcome, error) {
	var all ap.Stats
	for _, s := range stats {
		if err := all.Add(*s.Instance); err != nil {
			return Outcome{}, fmt.Errorf("eval: %w", err)
		}
	}
	result := t.rules[p].Result(&all)
	return Outcome{Protocol: p, Instance: &result}, nil
}

// semanticTask scores labels by mIoU.
type semanticTask struct {
	Config
	classes []data.Class
	rules   map[Protocol]*iou.Evaluator
}

func (t *semanticTask) score(info data.ImageInfo, r inference.Result) (Record, error) {
	found := r.Semantic
	truth := truthLabels(r.Sample)
	img := iou.Image{Name: info.Name, Truth: truth, Pred: iou.Labels{W: found.W, H: found.H, Pix: found.Pix}}
	var record Record
	for _, p := range t.Protocol.parts() {
		if p == Upstream && constant(truth.Pix) {
			continue
		}
		stat, err := t.rules[p].Image(img)
		if err != nil {
			return Record{}, err
		}
		record.set(p, &Stat{Semantic: &stat})
	}
	return record, nil
}

func (t *semanticTask) outcome(p Protocol, stats []*Stat) (Outcome, error) {
	var all iou.Stats
	for _, s := range stats {
		if err := all.Add(*s.Semantic); err != nil {
			return Outcome{}, fmt.Errorf("eval: %w", err)
		}
	}
	result := t.rules[p].Result(&all)
	return Outcome{Protocol: p, Semantic: &result}, nil
}
