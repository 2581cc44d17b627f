// Package shard collects the statistics of images, which the metric cores
// compute one by one, so that parts of a data set can be scored apart, written,
// read and merged in any order with the same result, byte by byte.
package shard
