// Package tensorboard writes scalars in TensorBoard's format: event files of
// TFRecord-framed tensorflow.Event messages.
package tensorboard
