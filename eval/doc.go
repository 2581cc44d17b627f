// Package eval runs a model over a data set and scores it: images are decoded
// and brought to the model's size, predicted in batches, turned into segments,
// masks or labels at their original size, and scored by the official tools' rules,
// the reference implementation's own, or both in one pass.
//
//	data.Dataset -> inputs -> Predictor -> postprocess -> pq | ap | iou -> Record -> Result
//
// Every image becomes a [Record], a line of the journal that lets an interrupted
// evaluation go on; all figures are computed from records, so shards merge in any
// order. stored.go reads a finished evaluation back. The rooms below, none of
// which knows the model:
//
//	postprocess            logits -> segments, masks, labels
//	pq, ap, iou            the metrics' cores; shard holds their statistics
//	cocofiles, labelfiles  result files; scoring scores them without a model
//	report                 Stored -> figures with intervals, tables, Parquet files
//
// Start reading at evaluate.go; task.go says what differs between tasks.
package eval
