// Package checkpoints keeps a training run's state safe on disk and brings
// weights of other formats in and out. In its own format a checkpoint is a
// folder that appears whole or not at all:
//
//	checkpoints/
//	  step-00001000/
//	    params.safetensors     parameters, by their documented names
//	    optimizer.safetensors  first.NAME and second.NAME, AdamW's two moments
//	    state.json             [State]: step, data position, random state, architecture
//	    SHA256SUMS             of the three above; `sha256sum -c` checks them too
//	  latest -> step-00001000
//	  best   -> step-00000500
//
// Start reading at snapshot.go (what a checkpoint holds), then save.go, load.go
// and match.go (names and shapes held against a model's). The rooms below:
//
//	tensor       a named array, read when asked for
//	safetensors  reader and writer
//	names        name tables of the other formats
package checkpoints
