// Package segment turns weights into segments: [Open] reads weights of any known
// format, and [Segmenter.Segment] segments an image with them.
//
//	weights -> Description -> network on a device -> Segmenter
//	image -> inference.Run -> postprocess.Segmentation -> Segments
//
// A Segmenter is safe for concurrent use: one caller at a time has each device, and the
// images of all take turns.
//
// Task, class table and thresholds are those that the weights state, otherwise
// those of their run folder's configuration, or of one that the caller names.
// Nothing is guessed: what nobody states gets a placeholder, and
// [Description].Assumed says so.
//
// Start reading at segmenter.go; describe.go and classes.go find out what the
// weights segment, device.go has the engines' turns.
package segment
