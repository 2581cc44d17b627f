package report

import (
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"

	"github.com/parquet-go/parquet-go"

	"eomt/eval"
	"eomt/eval/ap"
	"eomt/internal/atomicfile"
)

// PerImageFile is the name of the file from which everything printed is computed.
const PerImageFile = "per_image.parquet"

const (
	metadataKey = "eomt"
	ofImage     = -1 // class id of an image's own row
	rowGroup    = 100_000
)

// metadata is the file's content besides rows.
type metadata struct {
	Bootstrap Bootstrap `json:"bootstrap"`
	Runs      []Info    `json:"runs"`
}

// row is an image and class; package report describes the columns.
type row struct {
	Run      string `parquet:"run,dict"`
	Step     int64  `parquet:"step"`
	Protocol string `parquet:"protocol,dict"`

	Index    int64   `parquet:"index"`
	ImageID  int64   `parquet:"image_id"`
	Image    string  `parquet:"image,dict"`
	Width    int64   `parquet:"width"`
	Height   int64   `parquet:"height"`
	Headline float64 `parquet:"headline"`

	ClassID int64  `parquet:"class_id"`
	Class   string `parquet:"class,dict"`
	Thing   bool   `parquet:"thing"`

	IoU float64 `parquet:"iou"`
	TP  int64   `parquet:"tp"`
	FP  int64   `parquet:"fp"`
	FN  int64   `parquet:"fn"`

	Positives []int64   `parquet:"positives,list"`
	Scores    []float64 `parquet:"scores,list"`
	Matched   []int64   `parquet:"matched,list"`
	Ignored   []int64   `parquet:"ignored,list"`

	Predicted []int64 `parquet:"predicted,list"`
	Pixels    []int64 `parquet:"pixels,list"`

	FoundScore []float64 `parquet:"found_score,list"`
	FoundIoU   []float64 `parquet:"found_iou,list"`

	ConfusedWith  []int64 `parquet:"confused_with,list"`
	ConfusedCount []int64 `parquet:"confused_count,list"`
}

// WritePerImage writes runs and how they are resampled into dir. The file
// appears whole or not at all.
func WritePerImage(dir string, runs []Run, c Bootstrap) error {
	m := metadata{Bootstrap: c}
	for _, r := range runs {
		m.Runs = append(m.Runs, r.Info)
	}
	text, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("report: %s: %w", PerImageFile, err)
	}
	return write(filepath.Join(dir, PerImageFile), func(w io.Writer) error {
		out := parquet.NewGenericWriter[row](w, parquet.MaxRowsPerRowGroup(rowGroup),
			parquet.Compression(&parquet.Zstd), parquet.KeyValueMetadata(metadataKey, string(text)))
		for i := range runs {
			index := runs[i].classIndex()
			for k := range runs[i].Images {
				if _, err := out.Write(runs[i].rows(&runs[i].Images[k], index)); err != nil {
					return err
				}
			}
		}
		return out.Close()
	})
}

// write writes one file of the report; errors name it.
func write(path string, fill func(w io.Writer) error) error {
	if err := atomicfile.Write(path, fill); err != nil {
		return fmt.Errorf("report: %s: %w", path, err)
	}
	return nil
}

// rows are an image's own row and those of its classes, ascending by id.
func (r *Run) rows(img *Image, index map[int]int) []row {
	base := row{Run: r.Name, Step: int64(r.Step), Protocol: string(r.Protocol), Index: int64(img.Index), ImageID: img.ImageID,
		Image: img.Name, Width: int64(img.W), Height: int64(img.H), Headline: img.Headline, ClassID: ofImage}
	rows, at := []row{base}, map[int]int{eval.NoClass: 0}
	for _, class := range r.statClasses(img, index) {
		c := base
		c.ClassID, c.Class, c.Thing = int64(r.Classes[class].ID), r.Classes[class].Name, r.Classes[class].Thing
		at[class] = len(rows)
		rows = append(rows, c)
	}
	switch {
	case img.Stat.Panoptic != nil:
		for _, c := range img.Stat.Panoptic.Classes {
			of := &rows[at[index[c.Category]]]
			of.IoU, of.TP, of.FP, of.FN = c.IoU, int64(c.TP), int64(c.FP), int64(c.FN)
		}
	case img.Stat.Instance != nil:
		for _, c := range img.Stat.Instance.Classes {
			rows[at[index[c.Category]]].setDetections(c)
		}
	case img.Stat.Semantic != nil:
		for _, c := range img.Stat.Semantic.Cells {
			of := &rows[at[c.Truth]]
			of.Predicted, of.Pixels = append(of.Predicted, int64(c.Pred)), append(of.Pixels, int64(c.Pixels))
		}
	}
	for _, f := range img.Found {
		of := &rows[at[f.Class]]
		of.FoundScore, of.FoundIoU = append(of.FoundScore, f.Score), append(of.FoundIoU, f.IoU)
	}
	for _, c := range img.Confused {
		of := &rows[at[c.Truth]]
		of.ConfusedWith, of.ConfusedCount = append(of.ConfusedWith, int64(c.Pred)), append(of.ConfusedCount, int64(c.Count))
	}
	return rows
}

// thresholdBits is the number of IoU thresholds, bits of one size range.
const thresholdBits = 10

func (w *row) setDetections(c ap.ClassStat) {
	for _, n := range c.Positives {
		w.Positives = append(w.Positives, int64(n))
	}
	for _, d := range c.Detections {
		var matched, ignored int64
		for r := range d.Matched {
			matched |= int64(d.Matched[r]) << (thresholdBits * r)
			ignored |= int64(d.Ignored[r]) << (thresholdBits * r)
		}
		w.Scores, w.Matched, w.Ignored = append(w.Scores, d.Score), append(w.Matched, matched), append(w.Ignored, ignored)
	}
}
