package transform

// Settings are the configuration keys of the training transforms.
type Settings struct {
	Scale       [2]float64 `yaml:"scale,flow" doc:"Range of the random factor on the size at which an image fits the input, smaller first." range:"(0, 1000]"`
	KeepEmpty   bool       `yaml:"keep_empty" doc:"Train on images without annotations too; validation has them always."`
	ColorJitter bool       `yaml:"color_jitter" doc:"Vary brightness, contrast, saturation and hue of training images at random."`
}

// Train is the chain of transforms to a size of h x w pixels.
func (s Settings) Train(h, w int) Train {
	return Train{H: h, W: w, ScaleMin: s.Scale[0], ScaleMax: s.Scale[1], ColorJitter: s.ColorJitter, KeepEmpty: s.KeepEmpty}
}
