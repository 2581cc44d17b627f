package pq

// Found is a predicted segment's match in ground truth, independent of [Rule].
type Found struct {
	Truth   int     // position of the segment with an IoU above 0.5, of any category; -1 for none
	IoU     float64 // greatest with a segment of the same category
	Excused bool    // lies more than half on void or on a crowd of its category
}

// Compare compares each predicted segment with ground truth that is not a crowd,
// with IoUs as [Exact] computes them. img must be one that [Evaluator.Image] takes.
func Compare(img Image) []Found {
	truth, pred := img.Truth.Segments, img.Pred.Segments
	o := countOverlaps(img.Truth.IDs, img.Pred.IDs)
	found := make([]Found, len(pred))
	for p, ps := range pred {
		f := Found{Truth: -1}
		void, area := o.area[pairWithVoid(ps.ID)], o.predArea[ps.ID]
		excused := void
		for t, ts := range truth {
			inter := o.area[pair{ts.ID, ps.ID}]
			same := ts.Category == ps.Category
			switch {
			case inter == 0:
				continue
			case ts.Crowd:
				if same {
					excused = max(excused, void+inter)
				}
				continue
			}
			iou := float64(inter) / (float64(area) + ts.Area - float64(inter) - float64(void))
			if iou > 0.5 {
				f.Truth = t
			}
			if same {
				f.IoU = max(f.IoU, iou)
			}
		}
		f.Excused = 2*excused > area
		found[p] = f
	}
	return found
}
