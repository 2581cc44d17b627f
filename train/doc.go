// Package train runs EoMT's training: one compiled step holds the whole of it
// (forward pass, matching, losses, gradients, clipping, AdamW), and a loop feeds
// it batches, logs, saves and validates.
//
// Everything that changes over a run (learning rates, mask probabilities, the
// step's random state) is an input of the step, so a run compiles once for each
// padded target count.
//
//	run.go       the main path of a run, top-down
//	step.go      the compiled step
//	optimizer.go AdamW with per-parameter rates, and clipping
//	schedule.go  learning rates and mask annealing over steps
//	groups.go    which rate a parameter gets
//	state.go     parameters and moments, from nothing, weights or a checkpoint
//	record.go    metrics.jsonl, metrics.parquet, TensorBoard; what a logged step says
//	provenance.go what a run was made of
package train
