package arch

import (
	"strings"
	"testing"
)

// All six targets at rank 4 are below 2 % of size S, by the sum of widths: a pair of
// factors has rank x (in + out) values.
func TestFactorsOfS(t *testing.T) {
	a, err := Size("S")
	if err != nil {
		t.Fatal(err)
	}
	a.LoRA = LoRA{Rank: 4, Alpha: 4, Targets: strings.Join(LoRATargets, " ")}
	factors, total := 0, 0
	for _, p := range a.Parameters() {
		total += p.Size()
		if p.Part == PartLoRA {
			factors += p.Size()
		}
	}
	if want := 4 * 12 * (4*(384+384) + 2*(384+1536)); factors != want {
		t.Errorf("%d values in factors, want %d", factors, want)
	}
	share := float64(factors) / float64(total)
	t.Logf("rank 4 on all targets: %d of %d parameters, %.2f %%", factors, total, 100*share)
	if share >= 0.02 {
		t.Errorf("%.2f %% of the parameters", 100*share)
	}
}

// Every adapter's rows and columns lie in the parameter that it adapts; the network
// starts as its base.
func TestAdaptersFitTheirWeights(t *testing.T) {
	for _, gated := range []bool{false, true} {
		a := tiny(DINOv3)
		a.SwiGLU, a.LoRA = gated, LoRA{Rank: 3, Alpha: 1, Targets: "q v proj fc1 fc2"}
		shapes := map[string][]int{}
		for _, p := range a.Parameters() {
			shapes[p.Name] = p.Shape
			if strings.HasPrefix(p.Name, LoRAPrefix) != (p.Part == PartLoRA) {
				t.Errorf("%s is of part %d", p.Name, p.Part)
			}
			for _, v := range p.Initialize(1) {
				if p.Part == PartLoRA && strings.HasSuffix(p.Name, ".b") && v != 0 {
					t.Errorf("%s starts at %g", p.Name, v)
				}
			}
		}
		adapters := a.Adapters()
		if len(adapters) != 5*a.Blocks {
			t.Errorf("%d adapters", len(adapters))
		}
		for _, one := range adapters {
			w := shapes[one.Weight]
			if len(w) != 2 || w[1] != one.In || one.Row+one.Rows > w[0] {
				t.Errorf("%+v does not fit %v", one, w)
			}
			if strings.Contains(one.Name, "fc") && one.Rows != w[0] {
				t.Errorf("%+v adapts a part of %v", one, w)
			}
		}
	}
}

func TestLoRARefusesValues(t *testing.T) {
	for want, lora := range map[string]LoRA{
		"model: lora rank -1: must be positive":                           {Rank: -1, Alpha: 1, Targets: "q"},
		"model: lora alpha 0: must be positive":                           {Rank: 1, Targets: "q"},
		"model: lora targets qkv: expected some of q k v proj fc1 fc2":    {Rank: 1, Alpha: 1, Targets: "qkv"},
		"model: lora targets : expected some of q k v proj fc1 fc2":       {Rank: 1, Alpha: 1},
		"model: lora targets q head: expected some of q k v proj fc1 fc2": {Rank: 1, Alpha: 1, Targets: "q head"},
	} {
		a := tiny(DINOv2)
		a.LoRA = lora
		if err := a.Validate(); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// Weights with other factors are refused; whole weights give the base of new ones.
func TestFactorsAreCompared(t *testing.T) {
	a := tiny(DINOv2)
	with := a
	with.LoRA = LoRA{Rank: 2, Alpha: 4, Targets: "q v"}
	fresh := func(name string) bool { return strings.HasPrefix(name, LoRAPrefix) }
	if err := with.Compatible(a, fresh); err != nil {
		t.Error(err)
	}
	other := with
	other.LoRA.Rank = 3
	for _, pair := range [][2]Architecture{{a, with}, {other, with}, {with, a}} {
		err := pair[0].Compatible(pair[1], nil)
		if err == nil || !strings.Contains(err.Error(), "set train.lora as it was") {
			t.Error(err)
		}
	}
	if got, want := other.Compatible(with, fresh).Error(), "lora is rank 2, alpha 4 on q v in the weights and rank 3, alpha 4 on q v in the network"; !strings.Contains(got, want) {
		t.Errorf("%s lacks %q", got, want)
	}
}
