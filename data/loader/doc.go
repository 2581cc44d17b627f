// Package loader turns a data set into an endless stream of training batches:
// shuffled, decoded and transformed by several workers a few batches ahead of the
// training step. The batches of a seed do not depend on the number of workers.
//
// The content of a batch is a function of (seed, step) (order.go): each epoch has its
// own permutation, and each image in it its own random numbers. So training resumes
// at any step without replaying earlier ones, and the shards of several processes
// together see what one process would.
//
// Start reading at loader.go; sample.go makes one sample, pack.go a batch.
package loader
