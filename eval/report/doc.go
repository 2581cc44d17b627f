// Package report computes the numbers of a report from the records of evaluations:
// metrics with 95 % bootstrap intervals over images, differences between runs by
// paired bootstrap, spread over seeds, calibration, confusion, and the best and worst
// images.
//
//	eval.Stored -> Run -> Analyse -> Analysis, a list of Numbers
//	Run <-> per_image.parquet    Numbers <-> results.parquet    Numbers -> tables.tex
//
// Everything printed is a [Number] with a key, RUN/METRIC[/CLASS[/PREDICTED]], and
// is computed from per_image.parquet alone: [Verify] reads that file, recomputes all
// numbers and names each that differs in another file.
//
// # per_image.parquet
//
// One row per image and class, and one per image with class_id -1, which holds values
// without a class and the image's headline: its own PQ, AP or mIoU of present classes
// (NaN without truth). Columns of other tasks are empty.
//
//	iou, tp, fp, fn                panoptic: sum of IoUs and counts
//	positives, scores,             instance: truths by size range (all, small, medium, large);
//	matched, ignored               detections, bit 10 r + k for range r and IoU threshold k
//	predicted, pixels              semantic: pixels of the class by predicted class index
//	found_score, found_iou         predictions of the class: calibration
//	confused_with, confused_count  truths of the class by predicted class index, -1 for none
//
// The file's metadata holds, as JSON under "eomt", the runs' class tables and rules.
//
// Start reading at analysis.go; figures.go has the metrics of each task, bootstrap.go
// resamples.
package report
