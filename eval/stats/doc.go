// Package stats collects the per-image statistics that the metric cores compute.
// Parts of a data set can be scored separately, written, read and merged in any
// order, with the same result to the byte.
package stats
