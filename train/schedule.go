package train

import "math"

// polyPower is the exponent of every polynomial decay (docs/eomt.md section 3).
const polyPower = 0.9

// Schedule gives learning rates and mask probabilities as functions of the step t, 0 <= t < Total.
// Source: training/two_stage_warmup_poly_schedule.py and mask_annealing in
// training/lightning_module.py of tue-mps/eomt at 7bd19dd.
type Schedule struct {
	Total          int      // steps of the run
	WarmupHead     int      // steps over which new parameters' rate rises
	WarmupBackbone int      // steps over which the backbone's rate rises, after WarmupHead
	Annealing      []Anneal // one for each query block; nil leaves masks off throughout
}

// Anneal is the span over which a block's mask probability falls from 1 to 0.
type Anneal struct{ Start, End int }

// AnnealingRule derives the published spans for L query blocks: block k starts at
// u(1 + 3k/(L-1)) and takes u steps, u = total/6, halves rounded up.
func AnnealingRule(total, queryBlocks int) []Anneal {
	u := float64(total) / 6
	spans := make([]Anneal, queryBlocks)
	for k := range spans {
		start := u
		if queryBlocks > 1 {
			start = u * (1 + 3*float64(k)/float64(queryBlocks-1))
		}
		spans[k] = Anneal{Start: roundHalfUp(start), End: roundHalfUp(start + u)}
	}
	return spans
}

func roundHalfUp(x float64) int { return int(math.Floor(x + 0.5)) }

// HeadRate is the factor on the base rate of queries, heads and ScaleBlocks.
func (s Schedule) HeadRate(t int) float64 {
	if t < s.WarmupHead {
		return float64(t) / float64(s.WarmupHead)
	}
	return decay(t-s.WarmupHead, s.Total-s.WarmupHead)
}

// BackboneRate is the factor on the backbone's rates: 0 while the heads warm up.
func (s Schedule) BackboneRate(t int) float64 {
	t -= s.WarmupHead
	switch {
	case t < 0:
		return 0
	case t < s.WarmupBackbone:
		return float64(t) / float64(s.WarmupBackbone)
	}
	return decay(t-s.WarmupBackbone, s.Total-s.WarmupHead-s.WarmupBackbone)
}

func decay(t, total int) float64 {
	progress := float64(t) / float64(max(1, total))
	return math.Pow(max(0, 1-progress), polyPower)
}

// MaskProbs are the mask probabilities [L] of the query blocks.
func (s Schedule) MaskProbs(t int) []float64 {
	probs := make([]float64, len(s.Annealing))
	for k, span := range s.Annealing {
		switch {
		case t < span.Start:
			probs[k] = 1
		case t < span.End:
			probs[k] = decay(t-span.Start, span.End-span.Start)
		}
	}
	return probs
}
