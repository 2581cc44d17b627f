// Package oip reads requests of the Open Inference Protocol, version 2, and writes its
// answers: over HTTP as JSON, with tensors in the JSON or, by the binary tensor
// extension, as bytes behind it; over gRPC as messages of package oippb. All roads lead
// to the same [Request] of little-endian bytes, so that a model does not know by which
// one its input came.
//
// Start reading at tensor.go; http.go and grpc.go are the two roads.
package oip
