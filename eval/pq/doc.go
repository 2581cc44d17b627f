// Package pq computes panoptic quality from maps of segment ids, exactly as
// panopticapi does or in the reference implementation's own variant ([Rule]).
//
//	evaluator.Image(one image's two maps) -> ImageStat
//	stats.Add(ImageStat), stats.Merge(those of another part)
//	evaluator.Result(stats) -> PQ, SQ, RQ of all, things, stuff and each class
//
// The statistics of an image are sums per class, small enough to keep for every
// image, to write as JSON and to resample. A result adds them in the order of
// image ids, so that parts merged in any order give the same bytes.
//
// Start reading at score.go; overlap.go counts the pixels, exact.go and
// upstream.go hold the two matching rules, result.go the means.
package pq
