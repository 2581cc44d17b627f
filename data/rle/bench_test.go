package rle

import (
	"encoding/json"
	"testing"
)

func BenchmarkRealPolygons(b *testing.B) {
	var images struct {
		Images []struct{ ID, Height, Width int }
	}
	readReal(b, "instances_val2014_100.json", &images)
	h, w := images.Images[0].Height, images.Images[0].Width
	var all [][][]float64
	for _, text := range realSegmentations(b) {
		var polygons [][]float64
		if json.Unmarshal(text, &polygons) == nil {
			all = append(all, polygons)
		}
	}
	for b.Loop() {
		for _, p := range all {
			if _, err := FromPolygons(p, h, w); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(len(all)), "masks/op")
}

func BenchmarkGoldenText(b *testing.B) {
	golden := readGolden(b).Polygons
	for b.Loop() {
		for _, g := range golden {
			g.mask(b)
		}
	}
}

func BenchmarkEncodeDecode(b *testing.B) {
	const h, w = 480, 640
	m, err := FromPolygons([][]float64{{100, 50, 600, 80, 500, 400, 300, 250, 60, 420}}, h, w)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		Encode(m.Decode(), h, w)
	}
}
