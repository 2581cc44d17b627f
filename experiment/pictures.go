package experiment

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"slices"

	"eomt/data/overlay"
	"eomt/eval"
	"eomt/eval/inference"
	"eomt/train"
)

const (
	pictured    = 4   // images drawn at each validation, spread over those evaluated
	pictureSide = 320 // pixels of each half of a picture
	drawnScore  = .5  // instances of a lower score are not drawn
)

// draw draws some validation images, the truth on the left and what the network finds
// on the right, as PNG files in the run folder, from which TensorBoard gets them. Those
// of earlier validations are removed.
func (r *Run) draw(ctx context.Context, step int, predictor inference.Predictor, c eval.Config) error {
	n := r.val.Len()
	if c.Limit > 0 {
		n = c.Limit
	}
	var indices []int
	for i := range min(pictured, n) {
		indices = append(indices, i*n/min(pictured, n))
	}
	dir := train.PicturesOf(r.options.Dir, step)
	part := dir + ".part"
	err := errors.Join(os.RemoveAll(filepath.Dir(dir)), os.MkdirAll(part, 0o777))
	if err == nil {
		settings := inference.Config{Task: c.Task, Classes: r.Classes, ImageH: c.ImageH, ImageW: c.ImageW, Batch: c.Batch, Score: c.Score, Overlap: c.Overlap, TopK: c.TopK}
		err = inference.Run(ctx, r.val, indices, predictor, settings, func(found inference.Result) error {
			raw, err := r.picture(found)
			if err != nil {
				return err
			}
			name := fmt.Sprintf("%02d-%s.png", slices.Index(indices, found.Index), filepath.Base(found.Sample.Name))
			return os.WriteFile(filepath.Join(part, name), raw, 0o666)
		})
	}
	if err == nil {
		err = os.Rename(part, dir)
	}
	if err != nil {
		return fmt.Errorf("draw validation images: %w", err)
	}
	return nil
}

// picture is the PNG of one image.
func (r *Run) picture(found inference.Result) ([]byte, error) {
	predicted, _ := found.Segmentation.Targets(found.Sample.Image, drawnScore)
	sheet := overlay.Sheet([][]*image.NRGBA{{overlay.Draw(found.Sample, r.Classes), overlay.Draw(predicted, r.Classes)}}, pictureSide)
	var raw bytes.Buffer
	err := png.Encode(&raw, sheet)
	return raw.Bytes(), err
}
