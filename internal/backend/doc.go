// Package backend finds and opens the GoMLX backend that a command or test
// computes on: XLA through a PJRT plugin (xla:cuda, xla:tpu, xla:cpu) or GoMLX's own Go
// backend, which needs neither plugin nor C compiler. Start reading at backend.go.
package backend
