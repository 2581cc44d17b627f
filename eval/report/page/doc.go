// Package page renders one or more runs as one HTML file that opens offline, and as
// figures for papers.
//
// Start at [Content], the input, which holds numbers and pictures without any
// presentation. [Write] writes report.html and figures/NAME.{svg,pdf} into a folder,
// each file atomically.
//
// Every result that the page prints is a [Number]: it carries its key and its
// full precision into the markup,
//
//	<data class="n" value="0.44712396" data-key="run/PQ/cat">44.7</data>
//
// and [Printed] reads all of them back from a page, so that they can be
// recomputed from the files they came from. Published figures are plain text
// ([Published]) in a separate table.
//
// Curves are thinned where a run has more steps than a figure has room for:
// see thin. Tick labels and hover values of curves are not results.
package page
