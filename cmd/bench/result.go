package main

import (
	"fmt"
	"io"
	"slices"
)

// Results is what -json writes; its names are a contract.
type Results struct {
	Machine string   `json:"machine"`
	Backend string   `json:"backend"`
	Results []Result `json:"results"`
	Growth  []Growth `json:"growth,omitempty"`
}

// Result is one work's. What a work does not have is 0: parameters and FLOPs of
// parts without a model, times of flops.
type Result struct {
	Work       string  `json:"work"`
	Size       string  `json:"size"`
	Network    string  `json:"network"`
	Image      int     `json:"image"` // pixels a side
	Batch      int     `json:"batch"`
	Devices    int     `json:"devices"` // that share out the batch
	Queries    int     `json:"queries"`
	Targets    int     `json:"targets"` // of an image
	Processor  string  `json:"processor"`
	DType      string  `json:"dtype"`     // of parameters
	Precision  string  `json:"precision"` // of activations and products: f32 or bf16
	Median     float64 `json:"seconds_median"`
	Min        float64 `json:"seconds_min"`
	Max        float64 `json:"seconds_max"`
	Runs       int     `json:"runs"`
	PeakRSS    int64   `json:"peak_rss_bytes"` // of the process, compilation included
	Temporary  int64   `json:"temp_bytes"`     // temporary memory of the work's program as the compiler reports it; 0 where unknown
	Parameters int64   `json:"parameters"`
	FLOPs      int64   `json:"flops"` // multiply-adds of a run
}

func (r *Result) setSeconds(seconds []float64) {
	r.Runs = len(seconds)
	if r.Runs == 0 {
		return
	}
	sorted := slices.Sorted(slices.Values(seconds))
	r.Min, r.Max = sorted[0], sorted[r.Runs-1]
	r.Median = (sorted[(r.Runs-1)/2] + sorted[r.Runs/2]) / 2
}

// WriteMarkdown writes the results as a table.
func (r Results) WriteMarkdown(w io.Writer) {
	fmt.Fprintf(w, "%s; %s\n\n", r.Machine, r.Backend)
	if len(r.Results) == 0 {
		return
	}
	fmt.Fprintln(w, "| work | network | size | image | batch | precision | ms, median (range) | runs | peak MiB | temporary MiB | parameters, M | G multiply-adds | G per second |")
	fmt.Fprintln(w, "|---|---|---|---|---|---|---|---|---|---|---|---|---|")
	for _, x := range r.Results {
		fmt.Fprintf(w, "| %s | %s | %s | %d | %d | %s | ", x.Work, x.Network, x.Size, x.Image, x.Batch, x.Precision)
		rate := 0.0
		if x.Runs > 0 {
			fmt.Fprintf(w, "%.1f (%.1f-%.1f)", x.Median*1e3, x.Min*1e3, x.Max*1e3)
			rate = float64(x.FLOPs) / x.Median
		}
		fmt.Fprintf(w, " | %d | %d | %s | %s | %s | %s |\n", x.Runs, x.PeakRSS>>20, scaled(float64(x.Temporary), 1<<20),
			scaled(float64(x.Parameters), 1e6), scaled(float64(x.FLOPs), 1e9), scaled(rate, 1e9))
	}
}

// scaled prints a count in a unit, nothing for a count of 0.
func scaled(count, unit float64) string {
	if count == 0 {
		return ""
	}
	return fmt.Sprintf("%.1f", count/unit)
}
