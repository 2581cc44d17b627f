package main

import (
	"context"

	"eomt/data"
	"eomt/data/decode"
	"eomt/data/images"
	"eomt/eval/inference"
)

// photos are the images of a run.
type photos []images.Image

// info numbers images from 1 in the order of the command line, whichever fail.
func (p photos) info(i int) data.ImageInfo {
	return data.ImageInfo{ImageID: int64(i + 1), Name: p[i].Name}
}

// of is info with the size of a result's image.
func (p photos) of(r inference.Result) data.ImageInfo {
	info := p.info(r.Index)
	info.W, info.H = r.Sample.Image.W, r.Sample.Image.H
	return info
}

// indices are those of all images.
func (p photos) indices() []int {
	list := make([]int, len(p))
	for i := range list {
		list[i] = i
	}
	return list
}

// source reads photos, turned upright as their EXIF orientation says. It is an
// [inference.Source].
type source struct {
	ctx context.Context
	photos
	seen func(i int, raw []byte) // if not nil, gets the bytes of each file
}

func (s source) Load(i int) (*data.Sample, error) {
	raw, err := s.photos[i].Read(s.ctx)
	if err != nil {
		return nil, err
	}
	if s.seen != nil {
		s.seen(i, raw)
	}
	img, err := decode.ImageOriented(raw, s.photos[i].Path)
	if err != nil {
		return nil, err
	}
	return &data.Sample{Name: s.photos[i].Name, Image: img}, nil
}
