package page

import (
	"image"
	"image/color"
)

// Content is what a page shows. Sections without content are left out, and said
// to be absent where a reader would look for them.
type Content struct {
	Title     string // heading and window title, plain text like all strings here
	Task      string // "panoptic", "instance" or "semantic"
	Data      string // one line: data set, split, protocol; may be empty
	Runs      []Run  // one at least, names unique
	Compared  []Difference
	Seeds     []Spread
	Published []Published // of the runs' data set; a toy set has none
	Commands  []Command   // that make this report again
}

// Run is one run; any field but Name may be empty.
type Run struct {
	Name        string // short; the first part of its numbers' keys
	Note        string // one line below the name: weights, step
	Headline    []Figure
	Steps       []Step       // logged ones, in order
	Validations []Validation // in order of steps
	Classes     ClassTable
	Confusion   *Confusion
	Calibration *Calibration
	Examples    []Example
	ErrorLegend []Swatch // the meaning of the error maps' colours
	Costs       []Field  // training cost: time, memory, hardware
	Provenance  []Field
	Commands    []Command // that make this run and its figures again
}

// Step is a logged step of training. Lists of losses are by prediction, the final
// one last, unweighted; MaskProbs is by query block.
type Step struct {
	Step                          int
	Loss                          float64
	LossMask, LossDice, LossClass []float64
	RateHead, RateBackbone        float64 // learning rates of the head and the last backbone block
	MaskProbs                     []float64
	GradientNorm                  float64 // before clipping
	ImagesPerSec                  float64
	DataWait                      float64 // share of time spent waiting for batches
}

// Validation holds the metrics of an evaluation during training, as fractions.
type Validation struct {
	Step    int
	Metrics []Metric // the primary one first; the same in all of a run
}

// Metric is one figure by name.
type Metric struct {
	Name  string
	Value float64 // NaN if it is not defined
}

// Figure is one metric over a validation set; the first of a run is its primary one.
type Figure struct {
	Name      string // "PQ", "AP50"; the same in all runs that have it
	Value     Number
	Low, High Number // ends of the 95 % interval; zero Numbers if there is none
	Images    Number // how many it was computed from
}

// ClassTable has one row per class.
type ClassTable struct {
	Columns []string // of ClassRow.Values: "PQ", "SQ", "TP"
	Rows    []ClassRow
}

// ClassRow is one class.
type ClassRow struct {
	ID     int
	Name   string
	Kind   string   // "thing", "stuff" or empty
	Values []Number // as ClassTable.Columns
}

// Confusion counts predictions by true class. Rows and columns may have different
// names, such as "unmatched" among the columns only.
type Confusion struct {
	Key              string // its cells' keys are [Key] with truth and prediction appended
	Unit             string // what is counted: "pixels", "segments"
	Truth, Predicted []string
	Counts           [][]float64 // [len(Truth)][len(Predicted)]
}

// Calibration compares the scores of predicted masks with their IoU.
type Calibration struct {
	Unit  string // what is counted: "segments", "masks"
	Bins  []Bin  // in order of scores; empty bins may be left out
	Error Number // mean |score - IoU| weighted by count; a zero Number if there is none
}

// Bin holds the predictions whose score is in [Low, High).
type Bin struct {
	Low, High          float64
	Count              Number
	MeanScore, MeanIoU Number
}

// Example is one image of the validation set. Its pictures, of one size, may be
// of any size; the page scales large ones down. Nil pictures are left out.
type Example struct {
	Kind                             string // "best", "median" or "worst"
	Image                            string // its name
	Metric                           string // what Score is: "PQ", "IoU"
	Score                            Number
	Photo, Prediction, Truth, Errors image.Image
	Legend                           []Swatch // of Prediction and Truth, classes in the image only
}

// Swatch is a colour and what it means.
type Swatch struct {
	Name  string
	Color color.RGBA
}

// Field is one named fact.
type Field struct{ Name, Value string }

// Command is an exact command line and what it does.
type Command struct{ Does, Line string }

// Difference is run A's figure less run B's over the same images, resampled in
// pairs.
type Difference struct {
	Metric           string
	A, B             string // names of runs
	Value, Low, High Number // ends of the 95 % interval
	Images           Number
}

// Spread is one figure over runs that differ by their seed only.
type Spread struct {
	Metric    string
	Runs      []string
	Mean      Number
	Deviation Number // sample standard deviation; NaN for one run
}

// Published is a figure from a paper. It is text as printed there and never
// among the results.
type Published struct {
	Model  string // "EoMT-L, 640 px"
	Data   string // "COCO panoptic val2017"
	Metric string
	Value  string // "56.0"
	Source string // paper and place
}

// images are the pictures in the order of pictureTitles.
func (e Example) images() []image.Image {
	return []image.Image{e.Photo, e.Prediction, e.Truth, e.Errors}
}

var pictureTitles = [...]string{"photo", "prediction", "truth", "errors"}
