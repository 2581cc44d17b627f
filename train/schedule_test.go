package train

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"testing"

	"eomt/arch"
	"eomt/internal/parity"
)

// publishedSpans are the annealing lists of the reference's 23 configurations,
// which follow from the length of the run and the number of query blocks.
var publishedSpans = []struct {
	configs      []string
	total        int
	first        *Anneal // stated where the first block has a span of its own
	starts, ends []int
}{
	{[]string{"dinov2/coco/panoptic/eomt_small_640", "dinov2/coco/panoptic/eomt_base_640"},
		88692, nil, []int{14782, 36955, 59128}, []int{29564, 51737, 73910}},
	{[]string{"dinov2/coco/panoptic/eomt_small_640_2x", "dinov2/coco/panoptic/eomt_base_640_2x"},
		177384, nil, []int{29564, 73910, 118256}, []int{59128, 103474, 147820}},
	{[]string{"dinov2/coco/panoptic/eomt_large_640", "dinov2/coco/panoptic/eomt_large_1280",
		"dinov2/coco/instance/eomt_large_640", "dinov2/coco/instance/eomt_large_1280",
		"dinov3/coco/instance/eomt_large_640", "dinov3/coco/instance/eomt_large_1280"},
		88692, nil, []int{14782, 29564, 44346, 59128}, []int{29564, 44346, 59128, 73910}},
	{[]string{"dinov2/coco/panoptic/eomt_giant_640", "dinov2/coco/panoptic/eomt_giant_1280"},
		88692, nil, []int{14782, 25869, 36955, 48042, 59128}, []int{29564, 40651, 51737, 62824, 73910}},
	{[]string{"dinov2/ade20k/panoptic/eomt_large_640", "dinov2/ade20k/panoptic/eomt_large_1280",
		"dinov2/ade20k/semantic/eomt_large_512"},
		39120, nil, []int{6520, 13040, 19560, 26080}, []int{13040, 19560, 26080, 32600}},
	{[]string{"dinov2/ade20k/panoptic/eomt_giant_640", "dinov2/ade20k/panoptic/eomt_giant_1280"},
		39120, nil, []int{6520, 11410, 16300, 21190, 26080}, []int{13040, 17930, 22820, 27710, 32600}},
	{[]string{"dinov2/cityscapes/semantic/eomt_large_1024"},
		19902, nil, []int{3317, 6634, 9951, 13268}, []int{6634, 9951, 13268, 16585}},
	{[]string{"dinov3/coco/panoptic/eomt_small_640_2x", "dinov3/coco/panoptic/eomt_base_640_2x"},
		177384, &Anneal{0, 3000}, []int{0, 73910, 118256}, []int{3000, 103474, 147820}},
	{[]string{"dinov3/coco/panoptic/eomt_large_640", "dinov3/coco/panoptic/eomt_large_1280"},
		88692, &Anneal{0, 3000}, []int{0, 29564, 44346, 59128}, []int{3000, 44346, 59128, 73910}},
	{[]string{"dinov3/ade20k/semantic/eomt_large_512"},
		19560, &Anneal{0, 3000}, []int{0, 6520, 9780, 13040}, []int{3000, 9780, 13040, 16300}},
}

// goldenSchedules is testdata/schedules.json, made by scripts/goldens/schedule.py
// with the reference's own scheduler, annealing and parameter groups.
type goldenSchedules struct {
	Curves map[string]struct {
		Total        int
		Warmup       [2]int
		Starts, Ends []int
		Points       []struct {
			Step           int
			Backbone, Head float64
			Masks          []float64
		}
	}
	Rates []struct {
		Recipe struct {
			LR            float64 `json:"lr"`
			LayerDecay    float64 `json:"llrd"`
			QueryBlocksLR bool    `json:"llrd_l2_enabled"` // query blocks decay too
		}
		Rates map[string]float64
	}
}

func readSchedules(t *testing.T) (g goldenSchedules) {
	t.Helper()
	text, err := os.ReadFile("testdata/schedules.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &g); err != nil {
		t.Fatal(err)
	}
	return g
}

func TestAnnealingRuleGivesPublishedSpans(t *testing.T) {
	g := readSchedules(t)
	checked := 0
	for _, row := range publishedSpans {
		spans := AnnealingRule(row.total, len(row.starts))
		if row.first != nil {
			spans[0] = *row.first
		}
		var starts, ends []int
		for _, s := range spans {
			starts, ends = append(starts, s.Start), append(ends, s.End)
		}
		if !slices.Equal(starts, row.starts) || !slices.Equal(ends, row.ends) {
			t.Errorf("%v: %v to %v, published %v to %v", row.configs, starts, ends, row.starts, row.ends)
		}
		for _, name := range row.configs {
			file := g.Curves[name]
			if file.Total != row.total || !slices.Equal(file.Starts, row.starts) || !slices.Equal(file.Ends, row.ends) {
				t.Errorf("%s: the configuration says %+v", name, file)
			}
			checked++
		}
	}
	if checked != 23 || len(g.Curves) != 23 {
		t.Errorf("%d configurations in the table, %d in the golden file, published are 23", checked, len(g.Curves))
	}
}

// Learning rates and mask probabilities are the reference's at and around every
// bend. Both sides compute in float64 with the same operations; pow may round
// differently.
func TestSchedulesMatchReference(t *testing.T) {
	const tolerance = 1e-14
	row := parity.Row{Component: "learning rates and annealing of 23 configurations (recorded)", Against: "tue-mps/eomt",
		Unit: "of 1", Tolerance: tolerance, AbsoluteTolerance: true}
	for name, c := range readSchedules(t).Curves {
		s := Schedule{Total: c.Total, WarmupHead: c.Warmup[0], WarmupBackbone: c.Warmup[1]}
		for k := range c.Starts {
			s.Annealing = append(s.Annealing, Anneal{c.Starts[k], c.Ends[k]})
		}
		for _, p := range c.Points {
			got := append([]float64{s.BackboneRate(p.Step), s.HeadRate(p.Step)}, s.MaskProbs(p.Step)...)
			want := append([]float64{p.Backbone, p.Head}, p.Masks...)
			for i := range want {
				row.Add(math.Abs(got[i]-want[i]), 1)
				if !(math.Abs(got[i]-want[i]) <= tolerance) {
					t.Errorf("%s, step %d: backbone, heads and masks %v, want %v", name, p.Step, got, want)
					break
				}
			}
		}
	}
	row.Report(t)
}

// Every parameter has the base rate that the reference gives it, by each recipe
// of the published configurations.
func TestGroupsMatchReference(t *testing.T) {
	a := arch.Architecture{Width: 8, Blocks: 4, Heads: 2, Hidden: 8, MaskBlocks: 2, Registers: 2,
		Grid: [2]int{2, 2}, Queries: 2, Classes: 3}.ForKind(arch.DINOv2).ForPatch(8)
	for _, g := range readSchedules(t).Rates {
		r := OptimizerConfig{LearningRate: g.Recipe.LR, LayerDecay: g.Recipe.LayerDecay, QueryBlocksFullRate: !g.Recipe.QueryBlocksLR}
		groups := Groups(a, r)
		parameters := a.Parameters()
		if len(parameters) != len(g.Rates) {
			t.Errorf("%+v: %d parameters, the reference has %d", g.Recipe, len(parameters), len(g.Rates))
		}
		for i, p := range parameters {
			if got, want := r.LearningRate*groups[i].Multiplier, g.Rates[p.Name]; math.Abs(got-want) > 1e-15*r.LearningRate {
				t.Errorf("%+v: %s has rate %g, want %g", g.Recipe, p.Name, got, want)
			}
		}
	}
}
