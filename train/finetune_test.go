package train

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"

	"eomt/arch"
	"eomt/data"
	"eomt/internal/backend/backendtest"
)

// deep is a network of twelve blocks, so that numbers of blocks have one and two digits.
func deep() arch.Architecture {
	a := smallArchitecture(5)
	a.Blocks = 12
	return a
}

func TestFreezeChooses(t *testing.T) {
	a := deep()
	for name, frozen := range map[string]func(p arch.Parameter) bool{
		"embedding":       func(p arch.Parameter) bool { return p.Part == arch.PartEmbedding },
		"block 1":         func(p arch.Parameter) bool { return p.Block == 1 },
		"blocks 0-10":     func(p arch.Parameter) bool { return 0 <= p.Block && p.Block <= 10 },
		"backbone":        func(p arch.Parameter) bool { return p.Part != arch.PartHead },
		"backbone.":       func(p arch.Parameter) bool { return p.Part != arch.PartHead },
		"backbone.norm":   func(p arch.Parameter) bool { return p.Part == arch.PartNorm },
		"q":               func(p arch.Parameter) bool { return p.Name == "q.weight" },
		"mask_head.0":     func(p arch.Parameter) bool { return strings.HasPrefix(p.Name, "mask_head.0.") },
		"class_head.bias": func(p arch.Parameter) bool { return p.Name == "class_head.bias" },
		// Not those of block 10 and 11.
		"backbone.blocks.1": func(p arch.Parameter) bool { return p.Block == 1 },
	} {
		groups, err := FineTuneConfig{Freeze: []string{name}}.Groups(a, DefaultOptimizer())
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for i, p := range a.Parameters() {
			if groups[i].Frozen != frozen(p) {
				t.Errorf("%s: %s is frozen: %v", name, p.Name, groups[i].Frozen)
			}
		}
	}
}

// The longest prefix counts, and the factor comes on top of the recipe's.
func TestMultipliers(t *testing.T) {
	a, o := deep(), DefaultOptimizer()
	groups, err := FineTuneConfig{Multipliers: map[string]float64{
		"backbone": 0.5, "backbone.blocks.1": 4, "backbone.blocks.1.norm1": 2, "class_head.": 10,
	}}.Groups(a, o)
	if err != nil {
		t.Fatal(err)
	}
	recipe := Groups(a, o)
	for i, p := range a.Parameters() {
		want := 1.0
		switch {
		case strings.HasPrefix(p.Name, "backbone.blocks.1.norm1."):
			want = 2
		case strings.HasPrefix(p.Name, "backbone.blocks.1."):
			want = 4
		case strings.HasPrefix(p.Name, "backbone."):
			want = 0.5
		case strings.HasPrefix(p.Name, "class_head."):
			want = 10
		}
		if got := groups[i].Multiplier / recipe[i].Multiplier; math.Abs(got-want) > 1e-12 {
			t.Errorf("%s: %g times the recipe's rate, want %g", p.Name, got, want)
		}
	}
}

func TestFineTuneRefusesNames(t *testing.T) {
	for _, test := range []struct {
		c    FineTuneConfig
		want string
	}{
		{FineTuneConfig{Freeze: []string{"backbon"}}, `train.freeze: no parameter's name begins with "backbon" up to a dot; the nearest names are backbone`},
		{FineTuneConfig{Freeze: []string{"embeding"}}, "the nearest names are embedding"},
		{FineTuneConfig{Freeze: []string{""}}, `begins with ""`},
		{FineTuneConfig{Freeze: []string{"blocks 3-12"}}, `train.freeze: "blocks 3-12": the network has blocks 0-11`},
		{FineTuneConfig{Freeze: []string{"blocks 3-2"}}, "the network has blocks 0-11"},
		{FineTuneConfig{Freeze: []string{"block 99999999999999999999"}}, "the network has blocks 0-11"},
		{FineTuneConfig{Multipliers: map[string]float64{"backbone.block": 2}}, `train.multipliers: no parameter's name begins with "backbone.block" up to a dot; the nearest names are backbone.blocks`},
	} {
		_, err := test.c.Groups(deep(), DefaultOptimizer())
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: %v, want %q", test.c, err, test.want)
		}
	}
	c := small(5)
	c.FineTune.Freeze = []string{"neck"}
	if _, err := NewStep(backendtest.Go(t), c); err == nil || !strings.Contains(err.Error(), `"neck"`) {
		t.Errorf("NewStep: %v", err)
	}
}

// With a frozen backbone the backward pass ends at the blocks that see the queries, and
// what is frozen has neither moments nor gradients.
func TestFrozenBackboneHasNoBackwardPass(t *testing.T) {
	products, memory := map[string]int{}, map[string]Memory{}
	for name, freeze := range map[string][]string{"free": nil, "frozen": {"backbone"}} {
		c := small(5)
		a := smallArchitecture(5)
		a.Blocks = 6
		c.Network, c.FineTune.Freeze = network(a), freeze
		s, err := NewStep(backendtest.Go(t), c)
		if err != nil {
			t.Fatal(err)
		}
		if memory[name], err = s.Memory(c.BatchSize, data.Bucket(a.Queries), false, dtypes.Float32); err != nil {
			t.Fatal(err)
		}
		products[name] = gradientProducts(t, s)
	}
	t.Logf("matrix products %v; moments %d bytes, frozen %d", products, memory["free"].Slots, memory["frozen"].Slots)
	// Of six blocks five have neither the gradient of their weights nor that of their
	// input: 17 products, and the recomputed ones.
	if products["frozen"] > products["free"]-5*17 {
		t.Errorf("matrix products: %v", products)
	}
	if frozen, free := memory["frozen"], memory["free"]; frozen.Slots >= free.Slots/4 || frozen.Gradients >= free.Gradients/4 {
		t.Errorf("moments and gradients: %+v, of a free backbone %+v", frozen, free)
	}
}

// gradientProducts counts the matrix products that the outputs of a share's gradients
// depend on.
func gradientProducts(t *testing.T, s *Step) int {
	t.Helper()
	g := graph.NewGraph(s.backend, fmt.Sprint("products ", t.Name()))
	defer g.Finalize()
	var in []*graph.Node
	for i, shape := range s.shareShapes(s.config.BatchSize, 8, dtypes.Float32) {
		in = append(in, graph.Parameter(g, fmt.Sprint("in", i), shape))
	}
	count, seen := 0, map[*graph.Node]bool{}
	var visit func(n *graph.Node)
	visit = func(n *graph.Node) {
		if seen[n] {
			return
		}
		seen[n] = true
		if n.Type() == graph.NodeTypeDotGeneral {
			count++
		}
		for _, input := range n.Inputs() {
			visit(input)
		}
	}
	for _, out := range s.gradientsGraph(in) {
		visit(out)
	}
	return count
}
