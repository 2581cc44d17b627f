// Package loader turns a data set into an endless stream of training batches:
// shuffled, decoded and transformed by several workers, a few batches ahead of
// the training step, and the same for a seed whatever the number of workers.
//
// What is in a batch follows from (seed, step) by arithmetic (order.go): an epoch
// has its own permutation, and an image its own random numbers in it. So training
// resumes at any step without replaying what came before, and shards of several
// processes together see what one process would.
//
// Start reading at loader.go; sample.go makes one sample, pack.go a batch.
package loader
