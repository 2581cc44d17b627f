// Package serve answers HTTP and gRPC requests with segments: it puts a page, limits and a queue
// around a network.
//
//	request -> limits -> decode -> queue -> device -> post-processing -> JSON or PNG
//
// One goroutine owns the device ([queue]); it joins waiting inputs to batches of a
// ladder of sizes that were all run before the server says that it is ready. Nothing is
// unbounded: bodies and pixels, which are counted before anything is decoded, uploads,
// accepted requests, decoders, and the time of each step.
//
// Clients of the Open Inference Protocol see two models (models.go), over HTTP (infer.go)
// and over gRPC (grpc.go); package oip reads what they send. Both go through the limits
// and the queue of segment.go.
//
// Start reading at server.go; segment.go follows one request, queue.go is the device.
package serve
