// Package tensorboard writes scalars as TensorBoard reads them: event files of
// TFRecord-framed tensorflow.Event messages. It knows nothing of the rest.
package tensorboard
