package scoring

import (
	"fmt"
	"io"

	"eomt/eval/ap"
	"eomt/eval/iou"
	"eomt/eval/pq"
)

// WritePanoptic writes the table that panopticapi prints, in percent.
func WritePanoptic(w io.Writer, r pq.Result) {
	fmt.Fprintf(w, "%-10s| %5s  %5s  %5s %5s\n", "", "PQ", "SQ", "RQ", "N")
	fmt.Fprintln(w, "--------------------------------------")
	for _, row := range []struct {
		name string
		mean pq.Mean
	}{{"All", r.All}, {"Things", r.Things}, {"Stuff", r.Stuff}} {
		m := row.mean
		fmt.Fprintf(w, "%-10s| %5.1f  %5.1f  %5.1f %5d\n", row.name, 100*m.PQ, 100*m.SQ, 100*m.RQ, m.N)
	}
}

// WriteInstances writes the twelve lines that pycocotools prints.
func WriteInstances(w io.Writer, r ap.Result) {
	for _, row := range []struct {
		title, short, iou, area string
		limit                   int
		value                   float64
	}{
		{"Average Precision", "(AP)", "0.50:0.95", "all", 100, r.AP},
		{"Average Precision", "(AP)", "0.50", "all", 100, r.AP50},
		{"Average Precision", "(AP)", "0.75", "all", 100, r.AP75},
		{"Average Precision", "(AP)", "0.50:0.95", "small", 100, r.APs},
		{"Average Precision", "(AP)", "0.50:0.95", "medium", 100, r.APm},
		{"Average Precision", "(AP)", "0.50:0.95", "large", 100, r.APl},
		{"Average Recall", "(AR)", "0.50:0.95", "all", 1, r.AR1},
		{"Average Recall", "(AR)", "0.50:0.95", "all", 10, r.AR10},
		{"Average Recall", "(AR)", "0.50:0.95", "all", 100, r.AR100},
		{"Average Recall", "(AR)", "0.50:0.95", "small", 100, r.ARs},
		{"Average Recall", "(AR)", "0.50:0.95", "medium", 100, r.ARm},
		{"Average Recall", "(AR)", "0.50:0.95", "large", 100, r.ARl},
	} {
		fmt.Fprintf(w, " %-18s %s @[ IoU=%-9s | area=%6s | maxDets=%3d ] = %0.3f\n",
			row.title, row.short, row.iou, row.area, row.limit, row.value)
	}
}

// WriteSemantic writes the IoU of each class that is there and the figures, in
// percent; the absent classes are one line.
func WriteSemantic(w io.Writer, r iou.Result) {
	fmt.Fprintf(w, "%-24s| %6s  %8s\n", "class", "IoU", "accuracy")
	fmt.Fprintln(w, "------------------------------------------")
	absent := 0
	for _, c := range r.PerClass {
		if !c.Present {
			absent++
			continue
		}
		fmt.Fprintf(w, "%-24s| %6.2f  %8.2f\n", c.Name, 100*c.IoU, 100*c.Accuracy)
	}
	if absent > 0 {
		fmt.Fprintf(w, "%d of %d classes are absent from truth and predictions\n", absent, len(r.PerClass))
	}
	fmt.Fprintln(w, "------------------------------------------")
	for _, row := range []struct {
		name  string
		value float64
	}{
		{"mIoU", r.MIoU}, {"mIoU of present classes", r.MIoUPresent}, {"pixel accuracy", r.PixelAccuracy},
		{"mean accuracy", r.MeanAccuracy}, {"frequency-weighted IoU", r.WeightedIoU},
	} {
		fmt.Fprintf(w, "%-24s| %6.2f\n", row.name, 100*row.value)
	}
	if r.Boundary != nil {
		fmt.Fprintf(w, "%-24s| %6.2f\n", "boundary mIoU", 100*r.Boundary.MIoU)
	}
}
