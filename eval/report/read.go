package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"

	"github.com/parquet-go/parquet-go"

	"eomt/data"
	"eomt/eval"
	"eomt/eval/ap"
	"eomt/eval/iou"
	"eomt/eval/pq"
)

// ReadPerImage reads what [WritePerImage] wrote into dir. It fails if rows
// contradict each other, stated headlines among them.
func ReadPerImage(dir string) ([]Run, Bootstrap, error) {
	path := filepath.Join(dir, PerImageFile)
	runs, c, err := readPerImage(path)
	if err != nil {
		return nil, c, fmt.Errorf("report: %s: %w", path, err)
	}
	return runs, c, nil
}

func readPerImage(path string) ([]Run, Bootstrap, error) {
	var m metadata
	var list []row
	err := readWhole(path, func(file *parquet.File) error {
		text, ok := file.Lookup(metadataKey)
		if !ok {
			return errors.New("not a report's: its metadata is missing")
		}
		return json.Unmarshal([]byte(text), &m)
	}, &list)
	if err != nil {
		return nil, m.Bootstrap, err
	}
	runs, byName := make([]Run, len(m.Runs)), map[string]*assembly{}
	for i, info := range m.Runs {
		runs[i].Info = info
		byName[info.Name] = &assembly{run: &runs[i], index: info.classIndex(), byImage: map[int64]int{}}
	}
	for i := range list {
		a := byName[list[i].Run]
		if a == nil {
			return nil, m.Bootstrap, fmt.Errorf("row %d: unknown run %s", i, list[i].Run)
		}
		if err := a.take(&list[i]); err != nil {
			return nil, m.Bootstrap, fmt.Errorf("row %d: run %s, image %s: %w", i, list[i].Run, list[i].Image, err)
		}
	}
	for i := range runs {
		if err := runs[i].checkHeadlines(); err != nil {
			return nil, m.Bootstrap, err
		}
	}
	return runs, m.Bootstrap, nil
}

// readWhole reads all rows of a file, after calling head on it. The library's errors
// and panics on damaged files are returned as errors.
func readWhole[T any](path string, head func(*parquet.File) error, rows *[]T) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("damaged: %v", r)
		}
	}()
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	stat, err := file.Stat()
	if err != nil {
		return err
	}
	opened, err := parquet.OpenFile(file, stat.Size())
	if err != nil {
		return fmt.Errorf("not a Parquet file, or damaged: %w", err)
	}
	if err := head(opened); err != nil {
		return err
	}
	reader := parquet.NewGenericReader[T](opened)
	*rows = make([]T, reader.NumRows())
	for n := 0; n < len(*rows); {
		k, err := reader.Read((*rows)[n:])
		n += k
		if n < len(*rows) && (err != nil || k == 0) {
			return fmt.Errorf("damaged: %d of %d rows: %w", n, len(*rows), err)
		}
	}
	return reader.Close()
}

// assembly assembles a run's images from rows.
type assembly struct {
	run     *Run
	index   map[int]int
	byImage map[int64]int // position of an image by its index
}

func (a *assembly) take(w *row) error {
	at, there := a.byImage[w.Index]
	if !there {
		at = len(a.run.Images)
		a.byImage[w.Index] = at
		img := Image{Index: int(w.Index), ImageID: w.ImageID, Name: w.Image, W: int(w.Width), H: int(w.Height), Headline: w.Headline}
		switch a.run.Task {
		case eval.Panoptic:
			img.Stat.Panoptic = &pq.ImageStat{Image: w.ImageID}
		case eval.Instance:
			img.Stat.Instance = &ap.ImageStat{Image: w.ImageID}
		default:
			img.Stat.Semantic = &iou.ImageStat{Image: w.Image}
		}
		a.run.Images = append(a.run.Images, img)
	}
	img := &a.run.Images[at]
	if math.Float64bits(img.Headline) != math.Float64bits(w.Headline) && !(math.IsNaN(img.Headline) && math.IsNaN(w.Headline)) {
		return fmt.Errorf("headline %v here, %v in another row", w.Headline, img.Headline)
	}
	class := eval.NoClass
	if w.ClassID != ofImage {
		var known bool
		if class, known = a.index[int(w.ClassID)]; !known {
			return fmt.Errorf("unknown class %d", w.ClassID)
		}
		if err := w.addStat(&img.Stat, class, a.run.Classes); err != nil {
			return fmt.Errorf("class %s: %w", w.Class, err)
		}
	}
	return w.addDetails(img, class, len(a.run.Classes))
}

func (w *row) addStat(s *eval.Stat, class int, classes []data.Class) error {
	switch {
	case s.Panoptic != nil:
		if w.TP+w.FP+w.FN > 0 {
			s.Panoptic.Classes = append(s.Panoptic.Classes, pq.ClassStat{Category: int(w.ClassID),
				IoU: w.IoU, TP: int(w.TP), FP: int(w.FP), FN: int(w.FN)})
		}
	case s.Instance != nil:
		if len(w.Positives) > 0 {
			c, err := w.detections()
			if err != nil {
				return err
			}
			s.Instance.Classes = append(s.Instance.Classes, c)
		}
	default:
		if len(w.Predicted) != len(w.Pixels) {
			return fmt.Errorf("%d predicted classes, %d counts", len(w.Predicted), len(w.Pixels))
		}
		for i, p := range w.Predicted {
			if p < 0 || p >= int64(len(classes)) {
				return fmt.Errorf("unknown predicted class %d", p)
			}
			s.Semantic.Cells = append(s.Semantic.Cells, iou.Cell{Truth: class, Pred: int(p), Pixels: int(w.Pixels[i])})
		}
	}
	return nil
}

func (w *row) addDetails(img *Image, class, classes int) error {
	if len(w.FoundScore) != len(w.FoundIoU) || len(w.ConfusedWith) != len(w.ConfusedCount) {
		return errors.New("lists of different lengths")
	}
	for i, score := range w.FoundScore {
		img.Found = append(img.Found, eval.Found{Class: class, Score: score, IoU: w.FoundIoU[i]})
	}
	for i, pred := range w.ConfusedWith {
		if pred < eval.NoClass || pred >= int64(classes) {
			return fmt.Errorf("unknown predicted class %d", pred)
		}
		img.Confused = append(img.Confused, eval.Confused{Truth: class, Pred: int(pred), Count: int(w.ConfusedCount[i])})
	}
	return nil
}

// checkHeadlines normalises a run that was read, and compares the headlines stated in
// its rows with the recomputed ones.
func (r *Run) checkHeadlines() error {
	stated := make(map[int]float64, len(r.Images))
	for _, img := range r.Images {
		stated[img.Index] = img.Headline
	}
	if err := r.normalise(); err != nil {
		return err
	}
	for _, img := range r.Images {
		if was := stated[img.Index]; was != img.Headline && !(math.IsNaN(was) && math.IsNaN(img.Headline)) {
			return fmt.Errorf("run %s, image %s: headline %v, but its rows give %v", r.Name, img.Name, was, img.Headline)
		}
	}
	return nil
}

// detections is the inverse of setDetections.
func (w *row) detections() (ap.ClassStat, error) {
	c := ap.ClassStat{Category: int(w.ClassID), Detections: make([]ap.DetectionStat, len(w.Scores))}
	if len(w.Positives) != len(c.Positives) || len(w.Matched) != len(w.Scores) || len(w.Ignored) != len(w.Scores) {
		return c, fmt.Errorf("%d size ranges, %d scores, %d and %d matches", len(w.Positives), len(w.Scores), len(w.Matched), len(w.Ignored))
	}
	for r, n := range w.Positives {
		c.Positives[r] = int(n)
	}
	for i := range c.Detections {
		d := &c.Detections[i]
		d.Score = w.Scores[i]
		for r := range d.Matched {
			d.Matched[r] = ap.Thresholds(w.Matched[i]>>(thresholdBits*r)) & (1<<thresholdBits - 1)
			d.Ignored[r] = ap.Thresholds(w.Ignored[i]>>(thresholdBits*r)) & (1<<thresholdBits - 1)
		}
	}
	return c, nil
}
