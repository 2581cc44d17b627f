package train

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gomlx/compute/dtypes"

	"eomt/arch"
	"eomt/internal/backend/backendtest"
	"eomt/model"
)

func TestLoRAConfig(t *testing.T) {
	a := smallArchitecture(5)
	if got, err := (LoRAConfig{}).Adapt(a); err != nil || got != a {
		t.Errorf("%+v, %v", got.LoRA, err)
	}
	for want, c := range map[arch.LoRA]LoRAConfig{
		{Rank: 4, Alpha: 4, Targets: "q k v proj fc1 fc2"}: {Rank: 4},
		{Rank: 4, Alpha: 8, Targets: "q v"}:                {Rank: 4, Alpha: 8, Targets: []string{"v", "q", "v"}},
	} {
		got, err := c.Adapt(a)
		if err != nil || got.LoRA != want || got.Validate() != nil {
			t.Errorf("%+v: %+v, %v", c, got.LoRA, err)
		}
	}
	for want, c := range map[string]LoRAConfig{
		`train.lora.targets: "qkv" is none of q, k, v, proj, fc1, fc2`:  {Rank: 4, Targets: []string{"qkv"}},
		"train.lora.rank: 17 is more than the width of the network, 16": {Rank: 17},
	} {
		if _, err := c.Adapt(a); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// Of a network with low-rank factors the backbone stays to the bit and has no slots;
// factors, queries and heads move, unless they are frozen by name, also where blocks are
// rematerialised or activations bfloat16.
func TestLoRATrainsTheFactors(t *testing.T) {
	for _, remat := range []model.Remat{model.RematNone, model.RematBlocks} {
		for _, precision := range []dtypes.DType{dtypes.Float32, dtypes.BFloat16} {
			t.Run(fmt.Sprint("remat ", remat, ", ", precision), func(t *testing.T) { trainsTheFactors(t, remat, precision) })
		}
	}
}

func trainsTheFactors(t *testing.T, remat model.Remat, precision dtypes.DType) {
	s := seamStep(t, backendtest.Go(t), func(c *StepConfig) {
		a, err := LoRAConfig{Rank: 2, Targets: []string{"k", "fc2"}}.Adapt(smallArchitecture(5))
		if err != nil {
			t.Fatal(err)
		}
		c.Network, c.FineTune.Freeze = network(a), []string{"mask_head"}
		c.Remat, c.Precision = remat, precision
	})
	a := s.config.Network.Architecture()
	state, before := s.start(t, dtypes.Float32), s.start(t, dtypes.Float32)
	for range 2 { // in the first, B = 0 gives A no gradient
		if _, err := s.Run(state, unevenBatch(a, 4)); err != nil {
			t.Fatal(err)
		}
	}
	moved := map[arch.Part]int{}
	for i, p := range a.Parameters() {
		frozen := p.Part != arch.PartHead && p.Part != arch.PartLoRA || strings.HasPrefix(p.Name, "mask_head.")
		same := state.Params[i].Equal(before.Params[i])
		if frozen && !same || s.Groups()[i].Frozen != frozen || (state.Slots["first"][i] == nil) != frozen {
			t.Errorf("%s: frozen %v, unchanged %v", p.Name, s.Groups()[i].Frozen, same)
		}
		if !same {
			moved[p.Part]++
		} else if p.Part == arch.PartLoRA {
			t.Errorf("%s has not moved", p.Name)
		}
	}
	if moved[arch.PartLoRA] != 2*2*a.Blocks || moved[arch.PartHead] == 0 {
		t.Errorf("moved %v", moved)
	}
}
