package main

import (
	"errors"
	"fmt"
	"image"
	"image/png"
	"math/rand/v2"
	"os"
	"path/filepath"

	"eomt/configs"
	"eomt/data"
	"eomt/data/overlay"
	"eomt/data/transform"
)

const (
	drawn = 8   // samples
	draws = 2   // of the training transforms for each
	cell  = 320 // pixels a side in the sheet
)

// drawSamples draws samples from all over the data set before and after the
// training transforms, each by itself and all on sheet.png.
func drawSamples(ds data.Dataset, sound []int, c configs.Config, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	train := c.Data.Augment.Train(c.Model.Image[0], c.Model.Image[1])
	var rows [][]*image.NRGBA
	n := min(drawn, len(sound))
	for k := range n {
		i := sound[k*len(sound)/n]
		row, err := drawSample(ds, i, train, rand.New(rand.NewPCG(c.Seed, uint64(i))))
		if err != nil {
			return err
		}
		for j, picture := range row {
			name := fmt.Sprintf("sample-%06d-%s.png", i, []string{"image", "targets", "train-1", "train-2"}[j])
			if err := writePNG(filepath.Join(dir, name), picture); err != nil {
				return err
			}
		}
		rows = append(rows, row)
	}
	if n == 0 {
		return nil
	}
	if note := overlay.Note(ds.Classes()); note != "" {
		fmt.Fprintln(os.Stderr, note)
	}
	sheet := filepath.Join(dir, "sheet.png")
	if err := writePNG(sheet, overlay.Sheet(rows, cell)); err != nil {
		return err
	}
	fmt.Printf("pictures of %d samples, as they are and after the training transforms: %s\n", n, sheet)
	return nil
}

// drawSample draws the image, its targets, and what the transforms make of them,
// which is nothing where no target is left.
func drawSample(ds data.Dataset, i int, train transform.Train, rng *rand.Rand) ([]*image.NRGBA, error) {
	s, err := ds.Load(i)
	if err != nil {
		return nil, err
	}
	classes := ds.Classes()
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
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(png.Encode(file, picture), file.Close())
}
