// Package ap computes COCO's mask average precision and recall from run-length
// masks with scores, exactly as pycocotools does, or as the reference
// implementation does through torchmetrics, or by Boundary IoU ([Rule]).
//
//	evaluator.Image(one image's truths and detections) -> ImageStat
//	stats.Add(ImageStat), stats.Merge(those of another part)
//	evaluator.Result(stats) -> the 12 figures of COCO and the AP of each class
//
// The statistics of an image record the thresholds at which each detection was
// matched. A result sorts them by score over all images, ties by image id, so that
// parts merged in any order give the same bytes.
//
// Start reading at score.go; match.go assigns detections to truths within an
// image, result.go accumulates over images.
package ap
