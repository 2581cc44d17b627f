// Package inference runs images through a model, without ground truth:
//
//	Source.Load -> Fit or Windows -> batches -> Predictor -> postprocess -> Result
//
// Images are decoded and post-processed concurrently while the model runs on one
// goroutine; they start in order, and only a few are in memory at any time.
//
// Start reading at run.go; batch.go gathers the inputs of several images.
package inference
