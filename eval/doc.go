// Package eval runs a model over a data set and scores it, by the official tools'
// rules, the reference implementation's own, or both in one pass:
//
//	data.Dataset -> inference -> Segmentation -> pq | ap | iou -> Record -> Result
//
// Every image becomes a [Record], a line of the journal from which an interrupted
// evaluation is resumed; all metrics are computed from records, so parts of a data
// set merge in any order. stored.go reads a finished evaluation back. The
// subpackages are independent of the model:
//
//	inference              images -> batches -> Predictor -> postprocess, without ground truth
//	postprocess            logits -> segments, masks, labels
//	predictions            segmentations to and from the official formats
//	pq, ap, iou            the metrics' cores; stats holds their statistics
//	cocofiles, labelfiles  result files; scoring scores them without a model
//	report                 Stored -> figures with intervals, tables, Parquet files
//
// Start reading at evaluate.go; task.go says what differs between tasks.
package eval
