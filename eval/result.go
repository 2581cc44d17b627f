package eval

import (
	"encoding/json"
	"fmt"

	"eomt/data"
	"eomt/eval/ap"
	"eomt/eval/iou"
	"eomt/eval/pq"
)

// Stat is what one protocol counts of one image: the field of its task is set.
type Stat struct {
	Panoptic *pq.ImageStat  `json:"pq,omitempty"`
	Instance *ap.ImageStat  `json:"ap,omitempty"`
	Semantic *iou.ImageStat `json:"iou,omitempty"`
}

// Record is one evaluated image.
type Record struct {
	Index    int        `json:"index"` // in the data set
	ImageID  int64      `json:"image_id"`
	Name     string     `json:"name"`
	W        int        `json:"width"`
	H        int        `json:"height"`
	Exact    *Stat      `json:"exact,omitempty"`    // nil if not asked for
	Upstream *Stat      `json:"upstream,omitempty"` // nil if not asked for or left out
	Found    []Found    `json:"found,omitempty"`    // panoptic and instance
	Confused []Confused `json:"confused,omitempty"` // panoptic and instance
	// Prediction is the image's entry in the saved predictions; only in the journal.
	Prediction json.RawMessage `json:"prediction,omitempty"`
}

func (r *Record) set(p Protocol, s *Stat) {
	if p == Exact {
		r.Exact = s
	} else {
		r.Upstream = s
	}
}

func (r *Record) get(p Protocol) *Stat {
	if p == Exact {
		return r.Exact
	}
	return r.Upstream
}

// Outcome holds one protocol's figures: the field of its task is set.
type Outcome struct {
	Protocol Protocol
	Panoptic *pq.Result
	Instance *ap.Result
	Semantic *iou.Result
}

// Headline is the primary metric, a fraction: PQ, AP or mIoU.
func (o Outcome) Headline() (name string, value float64) {
	switch {
	case o.Panoptic != nil:
		return "PQ", o.Panoptic.All.PQ
	case o.Instance != nil:
		return "AP", o.Instance.AP
	}
	return "mIoU", o.Semantic.MIoU
}

// MarshalJSON gives the task's object with "protocol" in it.
func (o Outcome) MarshalJSON() ([]byte, error) {
	switch {
	case o.Panoptic != nil:
		return json.Marshal(struct {
			Protocol Protocol `json:"protocol"`
			pq.Result
		}{o.Protocol, *o.Panoptic})
	case o.Instance != nil:
		return json.Marshal(struct {
			Protocol Protocol `json:"protocol"`
			ap.Result
		}{o.Protocol, *o.Instance})
	}
	return json.Marshal(struct {
		Protocol Protocol `json:"protocol"`
		iou.Result
	}{o.Protocol, *o.Semantic})
}

// Result is a whole evaluation.
type Result struct {
	Outcomes []Outcome // one per protocol, [Exact] first
	Records  []Record  // by index
	Resumed  int       // records that an interrupted evaluation had left
	Seconds  float64   // of this call
	Config   string    // of the caller, for the JSON form
	Weights  string    // likewise
}

// MarshalJSON gives the object of cmd/eval -json: the figures themselves for one
// protocol, one object per protocol for two, and the settings they come from.
func (r *Result) MarshalJSON() ([]byte, error) {
	object := map[string]any{"images": len(r.Records), "seconds": r.Seconds, "config": r.Config, "weights": r.Weights}
	for _, o := range r.Outcomes {
		if len(r.Outcomes) > 1 {
			object[string(o.Protocol)] = o
			continue
		}
		text, err := json.Marshal(o)
		if err != nil {
			return nil, err
		}
		figures := map[string]json.RawMessage{}
		if err := json.Unmarshal(text, &figures); err != nil {
			return nil, err
		}
		for name, value := range figures {
			object[name] = value
		}
	}
	return json.Marshal(object)
}

// result computes the figures from the records, and completes what is saved.
func (e *evaluation) result() (*Result, error) {
	r := &Result{}
	for _, index := range sortedKeys(e.journal.records) {
		r.Records = append(r.Records, e.journal.records[index])
	}
	for _, p := range e.Protocol.parts() {
		var stats []*Stat
		for i := range r.Records {
			if s := r.Records[i].get(p); s != nil {
				stats = append(stats, s)
			}
		}
		outcome, err := e.task.outcome(p, stats)
		if err != nil {
			return nil, err
		}
		r.Outcomes = append(r.Outcomes, outcome)
	}
	if e.Save == "" {
		return r, nil
	}
	images := make([]data.ImageInfo, len(r.Records))
	for i, record := range r.Records {
		images[i] = data.ImageInfo{ImageID: record.ImageID, Name: record.Name, W: record.W, H: record.H}
	}
	err := e.folder.Finish(images, func(i int) (json.RawMessage, error) { return e.journal.prediction(r.Records[i].Index) })
	if err != nil {
		return nil, fmt.Errorf("eval: %w", err)
	}
	return r, nil
}
