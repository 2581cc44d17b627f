package runs

import (
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"

	"eomt/eval/report/page"
	"eomt/train"
)

// costs are what training took, as far as the log and the provenance know.
func (r *Run) costs() []page.Field {
	var list []page.Field
	add := func(name, value string) {
		if value != "" {
			list = append(list, page.Field{Name: name, Value: value})
		}
	}
	if len(r.Entries) > 0 {
		add("training time", duration(r.trainingTime()))
		add("images per second", significant(median(r.Entries, func(e train.Entry) float64 { return e.ImagesPerSec })))
		add("waiting for data", fmt.Sprintf("%.1f %%", 100*median(r.Entries, func(e train.Entry) float64 { return e.DataWait })))
		peak := int64(0)
		for _, e := range r.Entries {
			peak = max(peak, e.Memory)
		}
		add("peak memory", gibibytes(peak))
	}
	if p := r.Provenance; p != nil {
		add("devices", devices(p.Devices))
		add("machine", p.Machine.String())
		add("parameters", millions(p.Parameters))
	}
	if c := r.Config; c != nil {
		add("steps × batch", fmt.Sprintf("%d × %d", c.Derived.Steps, c.Data.Loader.Batch))
		add("input", fmt.Sprintf("%d × %d px", c.Model.Image[1], c.Model.Image[0]))
	}
	return list
}

// trainingTime is the sum over all starts from the start to its last logged step.
// Of starts of which provenance.json of an earlier version knows no time, it is
// that between the first and the last logged step.
func (r *Run) trainingTime() time.Duration {
	starts := []train.Start{{}}
	if r.Provenance != nil {
		starts = r.Provenance.Starts()
	}
	var total time.Duration
	for i, s := range starts {
		end := math.MaxInt
		if i+1 < len(starts) {
			end = starts[i+1].Step
		}
		var logged []train.Entry
		for _, e := range r.Entries {
			if e.Step > s.Step && e.Step <= end {
				logged = append(logged, e)
			}
		}
		if len(logged) == 0 {
			continue
		}
		from, to := s.Started, logged[len(logged)-1].Time
		if from.IsZero() {
			from = logged[0].Time
		}
		total += max(0, to.Sub(from))
	}
	return total
}

// median leaves out the first entry, which compiles the program, where there are more.
func median(entries []train.Entry, value func(train.Entry) float64) float64 {
	if len(entries) > 1 {
		entries = entries[1:]
	}
	var values []float64
	for _, e := range entries {
		if v := value(e); !math.IsNaN(v) && !math.IsInf(v, 0) {
			values = append(values, v)
		}
	}
	if len(values) == 0 {
		return math.NaN()
	}
	slices.Sort(values)
	return (values[(len(values)-1)/2] + values[len(values)/2]) / 2
}

func significant(v float64) string {
	if math.IsNaN(v) {
		return ""
	}
	if v >= 100 {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.3g", v)
}

func duration(d time.Duration) string {
	switch {
	case d <= 0:
		return ""
	case d < time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d < time.Hour:
		return fmt.Sprintf("%d min %02d s", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%d h %02d min", int(d.Hours()), int(d.Minutes())%60)
}

func gibibytes(bytes int64) string {
	if bytes <= 0 {
		return ""
	}
	return fmt.Sprintf("%.1f GiB", float64(bytes)/(1<<30))
}

func millions(n int) string {
	if n < 1_000_000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%.1f million", float64(n)/1e6)
}

// devices counts devices of one name. XLA's names end with their numbers:
// "TFRT_CPU_3 [processId=0]".
func devices(names []string) string {
	count := map[string]int{}
	for _, name := range names {
		count[deviceNumber.ReplaceAllString(name, "")]++
	}
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(count)) {
		if n := count[name]; n > 1 {
			name = fmt.Sprintf("%d × %s", n, name)
		}
		parts = append(parts, name)
	}
	return strings.Join(parts, ", ")
}

var deviceNumber = regexp.MustCompile(`(_\d+)?( \[processId=\d+\])?$`)
