// Package stats collects the statistics of images, which the metric cores
// compute image by image. Parts of a data set can be scored apart, written, read
// and merged in any order, with the same result to the byte.
package stats
