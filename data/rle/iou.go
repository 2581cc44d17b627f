package rle

// IoU returns the overlap of each detection with each ground truth as D rows of
// G values: intersection over union, or, where crowd[g], over the detection's
// own area. Masks of different sizes give -1, disjoint ones 0. A nil crowd
// means none.
//
// Source: cocoapi common/maskApi.c at 8c9bcc3c, rleIou.
func IoU(dt, gt []Mask, crowd []bool) []float64 {
	ious := make([]float64, len(dt)*len(gt))
	if len(ious) == 0 {
		return ious
	}
	gts := newRegions(gt)
	for d, r := range newRegions(dt) {
		for g := range gts {
			ious[d*len(gt)+g] = r.iou(gts[g], crowd != nil && crowd[g])
		}
	}
	return ious
}

// region is a mask prepared for IoU: its inside runs as begin and end indices, and
// their total length.
type region struct {
	h, w  int
	area  int
	spans []span
}

type span struct{ begin, end uint32 }

// newRegions returns the regions of masks; their spans share memory.
func newRegions(masks []Mask) []region {
	runs := 0
	for _, m := range masks {
		runs += len(m.Counts) / 2
	}
	spans := make([]span, 0, runs)
	regions := make([]region, len(masks))
	for k, m := range masks {
		r := region{h: m.H, w: m.W}
		begin, at := len(spans), uint32(0)
		for i, c := range m.Counts {
			if i%2 == 1 && c > 0 {
				spans = append(spans, span{at, at + c})
				r.area += int(c)
			}
			at += c
		}
		r.spans = spans[begin:]
		regions[k] = r
	}
	return regions
}

func (r region) iou(gt region, crowd bool) float64 {
	if r.area == 0 || gt.area == 0 {
		return 0
	}
	if r.h != gt.h || r.w != gt.w {
		return -1
	}
	inter := intersection(r.spans, gt.spans)
	switch {
	case inter == 0:
		return 0
	case crowd:
		return float64(inter) / float64(r.area)
	}
	return float64(inter) / float64(r.area+gt.area-inter)
}

// intersection returns the pixels that are in both ascending span lists.
func intersection(a, b []span) int {
	if a[len(a)-1].end <= b[0].begin || b[len(b)-1].end <= a[0].begin {
		return 0
	}
	inter := 0
	for i, j := 0, 0; i < len(a) && j < len(b); {
		if lo, hi := max(a[i].begin, b[j].begin), min(a[i].end, b[j].end); lo < hi {
			inter += int(hi - lo)
		}
		if a[i].end < b[j].end {
			i++
		} else {
			j++
		}
	}
	return inter
}
