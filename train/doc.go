// Package train trains a network: a compiled step computes the losses of a batch,
// their gradients and one update, and a loop feeds it batches, logs, saves and
// validates.
//
// Everything that changes over a run (learning rates, mask probabilities, the
// step's random state) is an input of the step, so a run compiles one program per
// padded target count.
//
//	run.go         the main path of a run, top-down
//	step.go        the compiled step: gradients and update in one program
//	gradients.go   its first part: draws, forward pass, losses, backward pass
//	update.go      its second part: clipping and the optimiser
//	seam.go        the two parts separately, for batches split into shares
//	accumulate.go  a batch in shares, one after the other
//	memory.go      what a step takes on its device
//	optimizer.go   the optimiser's configuration, its interface, AdamW; ema.go: moving averages
//	groups.go      how each parameter is trained; finetune.go: frozen ones, other rates
//	schedule.go    learning rates and mask annealing over steps
//	extend.go      schedules of a resumed run of another length
//	earlystop.go   the end of a run that does not improve
//	state.go       parameters, buffers and optimiser slots; checkpoints of them
//	validations.go finished validations, and the best one
//	record.go      metrics.jsonl, metrics.parquet, TensorBoard; log.go reads them back
//	capture.go     a step that is not finite, kept; replay.go repeats it
//	pictures.go    validation images for TensorBoard
//	space.go       waiting where the disk is full
//	lock.go        one process per run folder
//	provenance.go  provenance of a run; commit.go, of its source
package train
