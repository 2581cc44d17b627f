// Package scoring scores official result files without a model: it reads images
// through cocofiles or labelfiles on all cores, adds them to a metric core, and
// prints the official tool's table.
//
// Start reading at scoring.go; parallel.go is the loop over images, table.go
// the output.
package scoring
