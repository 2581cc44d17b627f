// Package transform resizes samples to the model's input size: the random
// transforms of training ([Train]) and the fixed geometry of evaluation ([Fit],
// [Windows]). It computes what the reference computes, bit for bit, from the
// same random draws: the reference resizes training images with PyTorch's 8-bit
// antialiased bilinear filter and evaluation images with Pillow's, which round
// differently ([Arithmetic]).
//
// Two choices make it faster than the reference: only pixels inside the crop are
// computed, and all masks of a sample are resized together, as bits.
//
// Start reading at train.go; resample.go is the filter, color.go the jitter,
// masks.go the targets, geometry.go the evaluation.
package transform
