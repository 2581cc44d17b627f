package train

import (
	"bytes"
	"fmt"
	"image/png"
	"os"
	"path/filepath"
	"strings"

	"eomt/train/tensorboard"
)

// PicturesOf is the folder of the pictures (PNG) that a validation of a run draws. They
// are copied to TensorBoard's log when the validation is on record, and again where a run
// resumes there: TensorBoard drops what a run repeats.
func PicturesOf(dir string, step int) string {
	return filepath.Join(dir, "pictures", fmt.Sprintf("step-%08d", step))
}

// pictures are those of a step; none if none were drawn.
func pictures(dir string, step int) ([]tensorboard.Image, error) {
	files, err := filepath.Glob(filepath.Join(PicturesOf(dir, step), "*.png"))
	if err != nil {
		return nil, err
	}
	var images []tensorboard.Image
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		size, err := png.DecodeConfig(bytes.NewReader(raw))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		name := strings.TrimSuffix(filepath.Base(file), ".png")
		images = append(images, tensorboard.Image{Tag: "validation/" + name, PNG: raw, W: size.Width, H: size.Height})
	}
	return images, nil
}
