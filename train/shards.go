package train

import (
	"fmt"
	"slices"

	"github.com/gomlx/compute/distributed"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
)

// With [StepConfig].ShardOptimizer the devices share out the optimiser's slots (stage 1
// of ZeRO, arXiv 1910.02054): each has an equal part of every slot, computes that part of
// the next parameters, and gathers the others' parts. XLA partitions the update
// (AutoSharding); gradients stay those of replicas. A program has one kind of
// distribution only, so that such a step always runs as two.

// shards say how the devices share out a state's slots.
type shards struct {
	states []*State // each with its parts, in the order of the devices
	axes   []int    // of each parameter's slots, along which they are cut; see cutAxis
}

// sharded says whether the devices share out the slots.
func (s *Step) sharded() bool { return s.config.ShardOptimizer && s.mesh != nil }

// cutAxis is the first axis that can be cut into n equal parts; -1 where there is none,
// and each device has the whole.
func cutAxis(dims []int, n int) int {
	return slices.IndexFunc(dims, func(d int) bool { return d%n == 0 })
}

// rows is how many times the parts of a tensor alternate in it.
func rows(dims []int, axis int) int {
	n := 1
	for _, d := range dims[:axis] {
		n *= d
	}
	return n
}

// partitioned makes the update a program that XLA divides among the devices.
func (s *Step) partitioned(exec *Exec) *Exec {
	whole := distributed.NewReplicatedShardingSpec(s.mesh)
	params := slices.Repeat([]*distributed.ShardingSpec{whole}, len(s.trained))
	var slot []*distributed.ShardingSpec
	all := s.config.Network.Architecture().Parameters()
	for _, i := range s.trained {
		spec := whole
		if axis := cutAxis(all[i].Shape, len(s.devices)); axis >= 0 {
			axes := make([]distributed.AxisSpec, len(all[i].Shape))
			axes[axis] = distributed.AxisSpec{meshAxis}
			spec = &distributed.ShardingSpec{Mesh: s.mesh, Axes: axes}
		}
		slot = append(slot, spec)
	}
	slots := slices.Repeat(slot, len(s.optimizer.Slots()))
	return exec.AutoSharding(s.mesh).WithDeviceAssignment(s.devices).
		WithInputShardingSpecs(slices.Concat(params, slots, params, []*distributed.ShardingSpec{whole})...).
		WithOutputShardingSpecs(slices.Concat(params, slots, []*distributed.ShardingSpec{whole})...)
}

// shard cuts the slots of a state on the first device and gives each device its parts.
func (s *Step) shard(state *State) error {
	c := &shards{states: state.Replicas()}
	for _, p := range s.config.Network.Architecture().Parameters() {
		c.axes = append(c.axes, cutAxis(p.Shape, len(s.devices)))
	}
	for name, slot := range state.Slots {
		for _, other := range state.others {
			other.Slots[name] = make([]*tensors.Tensor, len(slot))
		}
		for i, t := range slot {
			if t == nil {
				continue
			}
			parts, err := split(t, c.axes[i], len(s.devices))
			if err != nil {
				return fmt.Errorf("train: share out optimizer slot %s: %w", name, err)
			}
			for d, part := range parts {
				c.states[d].Slots[name][i] = part
			}
		}
	}
	for _, one := range c.states {
		one.shards = c
	}
	return nil
}

// split cuts t, which it frees, into n equal parts along an axis, or copies it n times
// where the axis is -1.
func split(t *tensors.Tensor, axis, n int) (parts []*tensors.Tensor, err error) {
	shape, alternate := t.Shape().Clone(), 1
	if axis >= 0 {
		alternate = rows(shape.Dimensions, axis)
		shape.Dimensions[axis] /= n
	}
	failed := t.ConstBytes(func(raw []byte) {
		for d := 0; d < n && err == nil; d++ {
			part := tensors.FromShape(shape)
			parts = append(parts, part)
			err = part.MutableBytes(func(to []byte) {
				if axis < 0 {
					copy(to, raw)
					return
				}
				each := len(to) / alternate
				for row := range alternate {
					copy(to[row*each:(row+1)*each], raw[(row*n+d)*each:])
				}
			})
		}
	})
	if failed != nil {
		return nil, failed
	}
	if err != nil {
		return nil, err
	}
	return parts, t.FinalizeAll()
}

// bytes are the raw values of a parameter's whole slot.
func (c *shards) bytes(name string, i int) ([]byte, error) {
	states := c.states
	if c.axes[i] < 0 {
		states = states[:1]
	}
	var parts [][]byte
	for _, state := range states {
		part, err := hostBytes(state.Slots[name][i])
		if err != nil {
			return nil, fmt.Errorf("train: optimizer slot %s on device %d: %w", name, state.device, err)
		}
		parts = append(parts, part)
	}
	if len(parts) == 1 {
		return parts[0], nil
	}
	alternate := rows(states[0].Slots[name][i].Shape().Dimensions, c.axes[i])
	each := len(parts[0]) / alternate
	whole := make([]byte, 0, len(parts)*len(parts[0]))
	for row := range alternate {
		for _, part := range parts {
			whole = append(whole, part[row*each:(row+1)*each]...)
		}
	}
	return whole, nil
}

// tensor is a parameter's whole slot, on the host.
func (c *shards) tensor(name string, i int) (*tensors.Tensor, error) {
	raw, err := c.bytes(name, i)
	if err != nil {
		return nil, err
	}
	shape := c.states[0].Slots[name][i].Shape().Clone()
	if axis := c.axes[i]; axis >= 0 {
		shape.Dimensions[axis] *= len(c.states)
	}
	t := tensors.FromShape(shape)
	return t, t.MutableBytes(func(to []byte) { copy(to, raw) })
}

// unshard brings the slots of a state together again and frees their parts.
func (s *State) unshard() error {
	c := s.shards
	if c == nil {
		return nil
	}
	for name, slot := range s.Slots {
		for i, t := range slot {
			if t == nil {
				continue
			}
			whole, err := c.tensor(name, i)
			if err != nil {
				return err
			}
			for _, state := range c.states {
				if err := state.Slots[name][i].FinalizeAll(); err != nil {
					return fmt.Errorf("train: optimizer slot %s: %w", name, err)
				}
			}
			slot[i] = whole
		}
	}
	s.shards = nil
	return nil
}

// slotBytes are the raw values of a parameter's slot.
func (s *State) slotBytes(name string, i int) ([]byte, error) {
	if s.shards != nil {
		return s.shards.bytes(name, i)
	}
	return hostBytes(s.Slots[name][i])
}
