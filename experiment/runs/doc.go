// Package runs reads what a run folder of cmd/train holds, or a folder that
// cmd/eval -save-predictions wrote: an evaluation, the configuration, the log,
// the validations and the provenance.
//
// Start at [Read]; source.go turns a run into what package bundle makes reports of.
package runs
