// Package iou computes the metrics of label maps: mean intersection over union by
// the official rules of ADE20K and Cityscapes, pixel and mean accuracy,
// frequency-weighted IoU, and the underlying confusion matrix.
//
//	evaluator.Image(one image's two label maps) -> ImageStat
//	stats.Add(ImageStat), stats.Merge(those of another part)
//	evaluator.Result(stats) -> the figures, of all and of each class
//
// The statistics of an image are the non-zero cells of its confusion matrix. All
// counts are integers, so parts merged in any order give the same bytes.
//
// Start reading at score.go; mapping.go maps labels to classes, result.go computes
// the metrics.
package iou
