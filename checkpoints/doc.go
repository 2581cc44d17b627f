// Package checkpoints keeps a training run's state safe on disk. A checkpoint
// is a folder that appears whole or not at all:
//
//	checkpoints/
//	  step-00001000/
//	    params.safetensors     parameters, by their documented names
//	    optimizer.safetensors  SLOT.NAME: AdamW's moments first.NAME and second.NAME
//	    ema.safetensors        moving averages of parameters, where the run keeps them
//	    state.json             [State]: step, data position, random state, architecture
//	    SHA256SUMS             of the files above; `sha256sum -c` checks them too
//	  latest -> step-00001000
//	  best   -> step-00000500
//
// Start reading at snapshot.go (what a checkpoint holds), then save.go, load.go
// and match.go (names and shapes compared with a model's). The subpackages read and
// write foreign weights:
//
//	tensor       a named array, read when asked for
//	safetensors  files of Hugging Face's format
//	torchfile    files of torch.save
//	names        tables of names, one per format
//	resample     patch and position embeddings of another geometry
//	weights      weights of any format as one model; writing them in other formats
//	hub          files from the Hugging Face hub
package checkpoints
