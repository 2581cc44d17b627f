package main

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"image/png"
	"math"
	"os"
	"path"
	"path/filepath"
	"strings"

	"eomt/data"
	"eomt/data/overlay"
	"eomt/eval/inference"
	"eomt/internal/lettering"
)

// pictureName is the name of an image's picture: a JPEG where the image is one,
// otherwise a PNG.
func pictureName(image string) string {
	stem := strings.TrimSuffix(image, path.Ext(image))
	if ending := strings.ToLower(path.Ext(image)); ending == ".jpg" || ending == ".jpeg" {
		return stem + ".jpg"
	}
	return stem + ".png"
}

// writePicture draws a segmented image into a file; instances that score less than
// least are left out.
func writePicture(file string, r inference.Result, classes []data.Class, least float64) error {
	sample, scores := r.Targets(r.Sample.Image, least)
	drawn := drawing{sample, scores}
	picture := withLegend(overlay.Draw(drawn.sample, classes), drawn, classes)
	var out bytes.Buffer
	var err error
	if filepath.Ext(file) == ".jpg" {
		err = jpeg.Encode(&out, picture, &jpeg.Options{Quality: 92})
	} else {
		err = png.Encode(&out, picture)
	}
	if err == nil {
		err = os.MkdirAll(filepath.Dir(file), 0o777)
	}
	if err == nil {
		err = os.WriteFile(file, out.Bytes(), 0o666)
	}
	if err != nil {
		return fmt.Errorf("draw: %w", err)
	}
	return nil
}

// drawing is a prediction as targets of its image. Scores are of the targets;
// nil if the task has none.
type drawing struct {
	sample *data.Sample
	scores []float64
}

// The legend's measures, in pixels.
const (
	lineHeight = 18
	swatch     = 12
	letterSize = 14
	margin     = 7
)

// withLegend adds a column with the classes at the right: colour, name, number
// of segments and best score.
func withLegend(picture *image.NRGBA, d drawing, classes []data.Class) *image.NRGBA {
	lines := legend(d, classes)
	width := 0
	texts := make([]lettering.Line, len(lines))
	for i, line := range lines {
		texts[i] = lettering.Set(line.text, letterSize)
		width = max(width, swatch+3*margin+int(math.Ceil(texts[i].Width)))
	}
	size := picture.Bounds().Size()
	out := image.NewNRGBA(image.Rect(0, 0, size.X+width, max(size.Y, lineHeight*len(lines)+margin)))
	draw.Draw(out, out.Bounds(), image.White, image.Point{}, draw.Src)
	draw.Draw(out, picture.Bounds(), picture, image.Point{}, draw.Src)
	for i, line := range lines {
		x, y := size.X+margin, margin+i*lineHeight
		draw.Draw(out, image.Rect(x, y, x+swatch, y+swatch), image.NewUniform(line.color), image.Point{}, draw.Src)
		texts[i].Draw(out, x+swatch+margin, y+swatch-1, image.Black)
	}
	return out
}

type legendLine struct {
	color color.NRGBA
	text  string
}

// legend is a line for each class that is there, in order of the class table.
func legend(d drawing, classes []data.Class) []legendLine {
	count, best := make([]int, len(classes)), make([]float64, len(classes))
	for i, instance := range d.sample.Instances {
		count[instance.Class]++
		if d.scores != nil {
			best[instance.Class] = max(best[instance.Class], d.scores[i])
		}
	}
	var lines []legendLine
	for i, class := range classes {
		if count[i] == 0 {
			continue
		}
		text := class.Name
		if count[i] > 1 {
			text = fmt.Sprintf("%d x %s", count[i], class.Name)
		}
		if d.scores != nil {
			text = fmt.Sprintf("%s %.2f", text, best[i])
		}
		lines = append(lines, legendLine{color.NRGBA{class.Color[0], class.Color[1], class.Color[2], 255}, text})
	}
	if lines == nil {
		lines = []legendLine{{color.NRGBA{128, 128, 128, 255}, "nothing found"}}
	}
	return lines
}
