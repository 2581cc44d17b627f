// Package scoring scores official result files without a model: it reads the
// images of a file room on all cores, adds them to a metric core, and prints the
// table that the official tool prints.
//
// Start reading at scoring.go; parallel.go is the loop over images, table.go
// the output.
package scoring
