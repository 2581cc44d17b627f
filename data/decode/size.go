package decode

import "eomt/data"

// Size reads an image's size in pixels, as stored, from the head of its file without
// decoding it. Errors are those of [Image].
func Size(raw []byte, path string) (w, h int, err error) {
	for i := range formats {
		f := &formats[i]
		if !f.magic(raw) {
			continue
		}
		cfg, err := f.config(raw)
		if err == nil {
			err = checkSize(cfg.Width, cfg.Height)
		}
		if err != nil {
			return 0, 0, broken(f.name, path, len(raw), err)
		}
		return cfg.Width, cfg.Height, nil
	}
	return 0, 0, &data.FormatError{Path: path, Reason: unknownFormat(raw)}
}
