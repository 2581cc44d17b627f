// Package runs reads a run folder of cmd/train, or a folder written by cmd/eval
// -save-predictions: an evaluation, the configuration, the log, the validations and
// the provenance.
//
// Start at [Read]; source.go turns a run into package bundle's input.
package runs
