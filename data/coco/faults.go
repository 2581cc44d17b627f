package coco

import (
	"fmt"
	"math"

	"eomt/data"
)

func (t *annotations) faults(image int32, sample *data.Sample, _ bool) []error {
	var all []error
	for i := t.first[image]; i < t.first[image+1]; i++ {
		a := &t.records[i]
		if reason := maskFault(t.masks.get(a.mask), sample.Image.H, sample.Image.W); reason != "" {
			all = append(all, t.doc.formatError(t.record(a, image), "%s", reason))
		}
	}
	return all
}

// maskFault states the fault of a compact segmentation of an image of h x w pixels;
// it is empty if there is none.
func maskFault(compact []byte, h, w int) string {
	mask, err := maskOf(compact, h, w)
	if err != nil {
		return err.Error()
	}
	r := reader{compact}
	switch kind := r.uvarint(); {
	case kind == kindEmpty:
		return "has no mask: its segmentation is empty, so that it is not trained on"
	case (kind == kindText || kind == kindRuns) && mask.Area() == 0:
		return "has an empty run-length mask, so that it is not trained on"
	case kind == kindHundredths || kind == kindFloats:
		return outside(r.polygons(kind), h, w)
	}
	return ""
}

// outside states where polygons lie if their centre is outside the image: annotations
// of another image or another size. It is empty otherwise.
func outside(polygons [][]float64, h, w int) string {
	low, high := [2]float64{math.Inf(1), math.Inf(1)}, [2]float64{math.Inf(-1), math.Inf(-1)}
	for _, xy := range polygons {
		for i, v := range xy {
			low[i%2], high[i%2] = min(low[i%2], v), max(high[i%2], v)
		}
	}
	x, y := (low[0]+high[0])/2, (low[1]+high[1])/2
	if x >= 0 && x <= float64(w) && y >= 0 && y <= float64(h) {
		return ""
	}
	return fmt.Sprintf("its mask reaches from (%g, %g) to (%g, %g), for the most part outside of the image of %d x %d pixels (width x height)",
		low[0], low[1], high[0], high[1], w, h)
}

func (t *maps) faults(image int32, sample *data.Sample, loaded bool) []error {
	if !loaded {
		if err := t.load(image, sample); err != nil {
			return []error{err}
		}
	}
	if t.byImage[image] < 0 {
		return nil
	}
	m := t.records[t.byImage[image]]
	var all []error
	for i, area := range sample.Masks.Areas(len(m.segments)) {
		if area == 0 {
			all = append(all, t.doc.formatError(m.record(&m.segments[i]), "has no pixel in its label map, so that it is not trained on"))
		}
	}
	return all
}
