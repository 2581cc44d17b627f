package eval

import (
	"fmt"

	"eomt/data"
	"eomt/data/transform"
	"eomt/eval/ap"
	"eomt/eval/iou"
	"eomt/eval/postprocess"
	"eomt/eval/pq"
)

// Task is what is predicted.
type Task string

const (
	Panoptic Task = "panoptic" // scored by PQ
	Instance Task = "instance" // scored by mask AP
	Semantic Task = "semantic" // scored by mIoU
)

// Protocol is whose rules the figures follow.
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

// task is what differs between the tasks.
type task interface {
	// prepare makes the model's inputs from the sample's image.
	prepare(it *item)
	// score fills in the record's statistics and prediction. An image that a
	// protocol leaves out gets no statistics of it.
	score(it *item) (Record, error)
	// outcome computes a protocol's figures from its statistics.
	outcome(p Protocol, stats []*Stat) (Outcome, error)
}

func newTask(c Config, classes []data.Class, s *saver) (task, error) {
	switch c.Task {
	case Panoptic:
		t := &panopticTask{Config: c, classes: classes, saver: s, rules: map[Protocol]*pq.Evaluator{}}
		for _, class := range classes {
			t.stuff = append(t.stuff, !class.Thing)
		}
		for p, rule := range map[Protocol]pq.Rule{Exact: pq.Exact, Upstream: pq.Upstream} {
			evaluator, err := pq.New(rule, classes)
			if err != nil {
				return nil, fmt.Errorf("eval: %w", err)
			}
			t.rules[p] = evaluator
		}
		return t, nil
	case Instance:
		t := &instanceTask{Config: c, classes: classes, saver: s, rules: map[Protocol]*ap.Evaluator{}}
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
	return &semanticTask{Config: c, classes: classes, saver: s, rules: map[Protocol]*iou.Evaluator{
		Exact:    iou.New(classes, truth, pred, c.Absent),
		Upstream: iou.New(classes, truth, pred, iou.AbsentZero),
	}}, nil
}

// panopticTask scores segments by PQ.
type panopticTask struct {
	Config
	classes []data.Class
	stuff   []bool
	rules   map[Protocol]*pq.Evaluator
	saver   *saver
}

func (t *panopticTask) prepare(it *item) { fit(it, t.ImageH, t.ImageW) }

// fit prepares the one input of a panoptic or instance image.
func fit(it *item, height, width int) {
	var input data.RGB
	input, it.geometry = transform.Fit(it.sample.Image, height, width)
	it.inputs = []data.RGB{input}
}

func (t *panopticTask) score(it *item) (Record, error) {
	found := postprocess.Panoptic(it.logits[0], it.geometry,
		postprocess.PanopticOptions{Score: t.Score, Overlap: t.Overlap, Stuff: t.stuff})
	img := pq.Image{ID: it.info.ImageID, Truth: truthMap(it.sample, t.classes), Pred: pq.Map{W: found.W, H: found.H, IDs: found.IDs}}
	for _, s := range found.Segments {
		img.Pred.Segments = append(img.Pred.Segments, pq.Segment{ID: int64(s.ID), Category: t.classes[s.Class].ID})
	}
	var record Record
	for _, p := range t.Protocol.parts() {
		if p == Upstream && len(it.sample.Instances) == 0 {
			continue
		}
		stat, err := t.rules[p].Image(img)
		if err != nil {
			return Record{}, err
		}
		record.set(p, &Stat{Panoptic: &stat})
	}
	record.Found, record.Confused = segmentsFound(img, found.Segments, classesOf(it.sample))
	var err error
	if record.Prediction, err = t.saver.panoptic(it.info, found, t.classes); err != nil {
		return record, err
	}
	return record, t.visit(it, Prediction{Panoptic: &found})
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
	saver   *saver
}

func (t *instanceTask) prepare(it *item) { fit(it, t.ImageH, t.ImageW) }

func (t *instanceTask) score(it *item) (Record, error) {
	found := postprocess.Instances(it.logits[0], it.geometry, t.TopK)
	img := ap.Image{ID: it.info.ImageID, Truths: truths(it.sample, t.classes)}
	for _, d := range found {
		img.Detections = append(img.Detections, ap.Detection{Category: t.classes[d.Class].ID, Score: d.Score,
			Area: float64(d.Mask.Area()), Mask: d.Mask})
	}
	var record Record
	for _, p := range t.Protocol.parts() {
		if p == Upstream && len(it.sample.Instances) == 0 {
			continue
		}
		stat, err := t.rules[p].Image(img)
		if err != nil {
			return Record{}, err
		}
		record.set(p, &Stat{Instance: &stat})
	}
	record.Found, record.Confused = detectionsFound(img.Truths, classesOf(it.sample), found)
	var err error
	if record.Prediction, err = t.saver.instances(it.info, found, t.classes); err != nil {
		return record, err
	}
	return record, t.visit(it, Prediction{Instances: found})
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
	saver   *saver
}

func (t *semanticTask) prepare(it *item) {
	it.inputs, it.plan = transform.Windows(it.sample.Image, t.ImageH)
}

func (t *semanticTask) score(it *item) (Record, error) {
	found := postprocess.Semantic(it.logits, it.plan)
	truth := truthLabels(it.sample)
	img := iou.Image{Name: it.info.Name, Truth: truth, Pred: iou.Labels{W: found.W, H: found.H, Pix: found.Pix}}
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
	if err := t.saver.labels(it.info, found, t.classes); err != nil {
		return record, err
	}
	return record, t.visit(it, Prediction{Semantic: &found})
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
