// Package bundle makes the folder of a report: report.html, figures, LaTeX tables
// and the Parquet files from which every printed number follows.
//
//	Source -> report.Run -> report.Analyse -> page.Content -> a folder
//
// A [Source] is one evaluated run with its metadata; package experiment/runs reads it
// from a run folder. [Write] writes a folder, [Verify] recomputes all of a folder's
// numbers and names each that differs.
//
// Start reading at bundle.go; fill.go fills the page's tables, pictures.go and
// errormap.go draw example images.
package bundle
