package inspect

import (
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"

	"eomt/data"
	"eomt/data/overlay"
	"eomt/data/transform"
	"eomt/internal/atomicfile"
)

const (
	drawn = 8   // samples
	draws = 2   // of the training transforms for each
	cell  = 320 // pixels a side in the sheet
)

const sheetName = "sheet.png"

// kinds end the names of a sample's pictures, in order.
var kinds = [2 + draws]string{"image", "targets", "train-1", "train-2"}

// Draw draws up to eight of the given samples, evenly spaced, before and after the
// training transforms: each in a file and all on one sheet, whose path it returns.
// It removes the pictures of an earlier call from dir, and no other files. The
// random draws are functions of seed and the sample's index.
func Draw(set data.Dataset, samples []int, train transform.Train, seed uint64, dir string) (sheet string, n int, err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", 0, err
	}
	if err := removePictures(dir); err != nil {
		return "", 0, err
	}
	if n = min(drawn, len(samples)); n == 0 {
		return "", 0, nil
	}
	var rows [][]*image.NRGBA
	for k := range n {
		i := samples[k*len(samples)/n]
		row, err := drawSample(set, i, train, rand.New(rand.NewPCG(seed, uint64(i))))
		if err != nil {
			return "", 0, err
		}
		for j, picture := range row {
			if err := writePNG(filepath.Join(dir, fmt.Sprintf("sample-%06d-%s.png", i, kinds[j])), picture); err != nil {
				return "", 0, err
			}
		}
		rows = append(rows, row)
	}
	sheet = filepath.Join(dir, sheetName)
	return sheet, n, writePNG(sheet, overlay.Sheet(rows, cell))
}

// removePictures removes what an earlier call drew.
func removePictures(dir string) error {
	stale := []string{filepath.Join(dir, sheetName)}
	for _, kind := range kinds {
		found, err := filepath.Glob(filepath.Join(dir, "sample-[0-9]*-"+kind+".png"))
		if err != nil {
			return err
		}
		stale = append(stale, found...)
	}
	for _, path := range stale {
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

// drawSample draws the image, its targets, and both transformed, or no transformed
// pictures if no target is left.
func drawSample(set data.Dataset, i int, train transform.Train, rng *rand.Rand) ([]*image.NRGBA, error) {
	s, err := set.Load(i)
	if err != nil {
		return nil, err
	}
	classes := set.Classes()
	row := []*image.NRGBA{overlay.Plain(s.Image), overlay.Draw(s, classes)}
	for range draws {
		t, err := train.Apply(rng, s)
		if errors.Is(err, transform.ErrNoTarget) {
			break
		}
		if err != nil {
			return nil, err
		}
		row = append(row, overlay.Draw(t, classes))
	}
	return row, nil
}

func writePNG(path string, picture image.Image) error {
	return atomicfile.Write(path, func(w io.Writer) error { return png.Encode(w, picture) })
}
