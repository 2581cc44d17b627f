// Package bundle makes the folder of a report: report.html, figures, LaTeX tables
// and the Parquet files from which every printed number follows.
//
//	Source -> report.Run -> report.Analyse -> page.Content -> a folder
//
// A [Source] is one evaluated run and what is known of it; package experiment/runs
// reads it from a run folder. [Write] makes a folder, [Verify] computes all of a
// folder's numbers again and names each one that differs.
//
// Start reading at bundle.go; fill.go lays numbers out, pictures.go and errormap.go
// draw example images.
package bundle
