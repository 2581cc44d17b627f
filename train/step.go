package train

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync/atomic"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/distributed"
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/support/exceptions"

	"eomt/data"
	"eomt/losses"
	"eomt/model"
)

// Step is the compiled training step of one network: batch in, losses out, the state
// advanced by one update. It has two parts, gradients (gradients.go) and update
// (update.go). For one batch, [Step.Run] does both in one program, on all its devices
// (devices.go); to sum gradients over several batches or hosts, the parts are run
// separately (seam.go), as Run itself does for a batch in shares (accumulate.go).
type Step struct {
	config    StepConfig
	optimizer Optimizer
	groups    []Group // of every parameter
	trained   []int   // the parameters that are not frozen, by index
	backend   compute.Backend
	devices   []compute.DeviceNum
	mesh      *distributed.DeviceMesh // of several devices, otherwise nil
	whole     *Exec
	parts     parts
	programs  atomic.Int64
}

// StepConfig holds what a step is compiled from.
type StepConfig struct {
	Network   model.Network
	Loss      losses.Config
	Optimizer OptimizerConfig
	Groups    []Group // of every parameter of the network; nil is what FineTune makes of Optimizer
	FineTune  FineTuneConfig
	Schedule  Schedule
	BatchSize int // images of the global batch
	// Accumulate is the number of equal shares that [Step.Run] splits a batch into.
	// Their gradients are summed before the update; 0 and 1 take the whole batch at once.
	Accumulate int
	// Devices are the backend's devices to run on, which share out the images of each
	// share equally; nil is the first alone.
	Devices []compute.DeviceNum
	// ShardOptimizer has several devices share out the optimiser's slots: each keeps a part
	// of them. With one device it changes nothing.
	ShardOptimizer bool
	// Hosts are the processes that share out the batch; nil is this one alone.
	Hosts     Hosts
	Seed      uint64
	Precision dtypes.DType // of activations and products; 0 is the parameters' dtype
	Remat     model.Remat
}

// NewStep prepares the step, which is compiled when the first batch of each target-count
// bucket arrives.
func NewStep(b compute.Backend, c StepConfig) (*Step, error) {
	if err := c.Optimizer.Validate(); err != nil {
		return nil, err
	}
	if n := max(c.Accumulate, 1); c.BatchSize%n != 0 {
		return nil, fmt.Errorf("train: a batch of %d images cannot be split into %d equal shares", c.BatchSize, n)
	}
	a := c.Network.Architecture()
	if c.Groups == nil {
		var err error
		if c.Groups, err = c.FineTune.Groups(a, c.Optimizer); err != nil {
			return nil, err
		}
	}
	if n := len(a.Parameters()); len(c.Groups) != n {
		return nil, fmt.Errorf("train: %d groups for %d parameters", len(c.Groups), n)
	}
	s := &Step{config: c, backend: b, groups: c.Groups,
		optimizer: AdamW{Beta1: c.Optimizer.Beta1, Beta2: c.Optimizer.Beta2, Epsilon: c.Optimizer.Epsilon}}
	if c.Optimizer.EMA > 0 {
		s.optimizer = averaged{s.optimizer, c.Optimizer.EMA}
	}
	for i, g := range s.groups {
		switch {
		case g.Frozen:
		case !slices.Contains(schedules, g.Schedule):
			return nil, fmt.Errorf("train: parameter %s: no schedule %q; want one of %v", a.Parameters()[i].Name, g.Schedule, schedules)
		default:
			s.trained = append(s.trained, i)
		}
	}
	if len(s.trained) == 0 {
		return nil, fmt.Errorf("train: all %d parameters are frozen (train.freeze)", len(s.groups))
	}
	err := s.setDevices()
	if err == nil {
		s.whole, err = s.compiled("train step", s.graph)
	}
	if err == nil {
		err = s.prepareParts()
	}
	return s, err
}

// compiled wraps a graph, which all devices run, as one program per target-count bucket.
func (s *Step) compiled(name string, graph func(in []*Node) []*Node) (*Exec, error) {
	return s.compiledAs(name, graph, s.replicated)
}

// compiledAs is compiled for a graph with another distribution over the devices.
func (s *Step) compiledAs(name string, graph func(in []*Node) []*Node, distribute func(*Exec) *Exec) (*Exec, error) {
	exec, err := NewExec(s.backend, func(in []*Node) []*Node {
		s.programs.Add(1)
		return graph(in)
	})
	if err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	return distribute(exec.WithName(name).SetMaxCache(len(data.Buckets))), nil
}

// Programs is the number of programs compiled so far: one per target-count bucket
// seen, independent of the schedules; with accumulation also one for the sum of
// gradients and one for the update.
func (s *Step) Programs() int { return int(s.programs.Load()) }

// Groups are the groups of all parameters, in order.
func (s *Step) Groups() []Group { return s.groups }

// inputs are the nodes of the whole step's graph.
type inputs struct {
	params  []*Node   // all
	slots   [][]*Node // of the trained parameters
	buffers []*Node
	batch   []*Node
	scalars *Node // of the update
}

// splitInputs sorts the input nodes of the whole step's graph.
func (s *Step) splitInputs(in []*Node) (i inputs) {
	take := func(n int) []*Node {
		part := in[:n:n]
		in = in[n:]
		return part
	}
	i.params = take(len(s.groups))
	for range s.optimizer.Slots() {
		i.slots = append(i.slots, take(len(s.trained)))
	}
	i.buffers = take(len(s.config.Network.Architecture().Buffers()))
	i.batch = take(s.batchInputs())
	i.scalars = in[0]
	return i
}

// graph builds the whole step: state and batch in, next state and losses out.
func (s *Step) graph(in []*Node) []*Node {
	i := s.splitInputs(in)
	return s.advance(i, s.draw(i.batch, i.params[0].DType()))
}

// advance is the whole step with the given draws. It returns the next values of the
// trained parameters, of each slot and of the buffers, then the packed losses. If the
// loss or a gradient is not finite, the values stay as they are.
func (s *Step) advance(i inputs, d draws) []*Node {
	g := s.differentiate(i.params, i.buffers, i.batch, d)
	sums := s.summed(append(slices.Clone(g.trained), g.total))
	total := sums[len(g.trained)]
	g.trained = sums[:len(g.trained)]
	next, slots, norm := s.update(s.ofTrained(i.params), i.slots, g.trained, i.scalars)
	out := where(LogicalAnd(IsFinite(norm), IsFinite(total)), slices.Concat(next, slices.Concat(slots...), g.buffers),
		slices.Concat(s.ofTrained(i.params), slices.Concat(i.slots...), i.buffers))
	return append(out, pack(g.total, g.terms, norm))
}

// where is next if the scalar condition holds, before otherwise.
func where(condition *Node, next, before []*Node) []*Node {
	chosen := make([]*Node, len(next))
	for i := range next {
		chosen[i] = Where(condition, next[i], before[i])
	}
	return chosen
}

// ofTrained selects the trained parameters' nodes.
func (s *Step) ofTrained(all []*Node) []*Node {
	trained := make([]*Node, len(s.trained))
	for k, i := range s.trained {
		trained[k] = all[i]
	}
	return trained
}

// Run does step state.Step on batch: it replaces the state's tensors by the next ones
// and returns the losses before the update. If these are not finite, the state is as
// before. On an error the state is lost and the run must return to a checkpoint.
func (s *Step) Run(state *State, batch *data.Batch) (Losses, error) {
	if s.config.Accumulate > 1 || s.config.Hosts != nil || s.sharded() {
		return s.accumulate(state, batch)
	}
	args, err := s.arguments(state, batch)
	if err != nil {
		return Losses{}, err
	}
	out, err := s.call(s.whole, args)
	if err != nil {
		return Losses{}, fmt.Errorf("train: step %d: %w", state.Step, err)
	}
	var packed []*tensors.Tensor
	for d, out := range s.byDevice(out) {
		packed = append(packed, s.storeOutputs(state.on(d), out)...)
	}
	l, err := lossesOf(packed)
	if err != nil {
		return Losses{}, fmt.Errorf("train: step %d: losses: %w", state.Step, err)
	}
	if l.Finite() {
		state.Step++
	}
	return l, nil
}

// arguments lists the whole step's inputs, by device.
func (s *Step) arguments(state *State, b *data.Batch) ([]any, error) {
	if err := s.Place(state); err != nil {
		return nil, err
	}
	shares, err := s.onDevices(Share{Batch: b, By: s.Normalizers(b)})
	if err != nil {
		return nil, fmt.Errorf("train: step %d: %w", state.Step, err)
	}
	dtype := state.Params[0].DType() // before the tensors are donated
	var args []any
	for d, share := range shares {
		batch, err := s.batchArguments(state.Step, share.Batch, share.First, dtype)
		if err != nil {
			return nil, err
		}
		own, err := s.stateArguments(state.on(d))
		if err != nil {
			return nil, err
		}
		args = append(append(args, own...), batch...)
		if s.mesh != nil {
			args = append(args, share.normalizers(dtype)...)
		}
		args = append(args, vector(s.updateScalars(state.Step), dtype))
	}
	return args, nil
}

// stateArguments are the whole step's inputs of the state on one device. The buffers
// of replaced tensors are donated, so that the backend may free them as soon as they
// are read.
func (s *Step) stateArguments(state *State) ([]any, error) {
	args := make([]any, 0, 4*len(s.groups))
	for i, t := range state.Params {
		args = append(args, t)
		if !s.groups[i].Frozen {
			if err := s.donate(args[i:], state.device); err != nil {
				return nil, err
			}
		}
	}
	rest := len(args)
	args = append(args, s.slotArguments(state)...)
	for _, t := range state.Buffers {
		args = append(args, t)
	}
	return args, s.donate(args[rest:], state.device)
}

// slotArguments are the trained parameters' slots in the order of the optimiser's.
func (s *Step) slotArguments(state *State) []any {
	var args []any
	for _, name := range s.optimizer.Slots() {
		for _, i := range s.trained {
			args = append(args, state.Slots[name][i])
		}
	}
	return args
}

// donate donates the buffers of tensors to the backend's device.
func (s *Step) donate(args []any, device compute.DeviceNum) error {
	for i, t := range args {
		donated, err := DonateTensorBuffer(t.(*tensors.Tensor), s.backend, device)
		if err != nil {
			return fmt.Errorf("train: hand over the state: %w", err)
		}
		args[i] = donated
	}
	return nil
}

// storeOutputs puts a program's outputs into the state: trained parameters, slots,
// buffers. It returns the remaining outputs.
func (s *Step) storeOutputs(state *State, out []*tensors.Tensor) []*tensors.Tensor {
	for _, i := range s.trained {
		state.Params[i], out = out[0], out[1:]
	}
	for _, name := range s.optimizer.Slots() {
		for _, i := range s.trained {
			state.Slots[name][i], out = out[0], out[1:]
		}
	}
	n := len(state.Buffers)
	state.Buffers = out[:n:n]
	return out[n:]
}

// call runs a program; panics while its graph is built become errors.
func (s *Step) call(exec *Exec, args []any) (out []*tensors.Tensor, err error) {
	panicked := exceptions.TryCatch[error](func() { out, _, err = exec.CallWithGraphOnDevice(s.devices[0], args...) })
	if panicked != nil {
		err = panicked
	}
	return out, err
}

// hostLosses copies packed losses to the host and frees them on the device.
func hostLosses(packed *tensors.Tensor) (Losses, error) {
	values, err := tensors.CopyFlatData[float64](packed)
	if err != nil {
		return Losses{}, err
	}
	return unpack(values), packed.FinalizeAll()
}

// maskProbs are the schedule's, or all 0 if nothing is annealed.
func (s *Step) maskProbs(t int) []float64 {
	if probs := s.config.Schedule.MaskProbs(t); len(probs) > 0 {
		return probs
	}
	return make([]float64, s.config.Network.Architecture().AnnealedBlocks())
}

// randomState is the graph's random state of one step, a function of seed and step,
// so that a resumed run draws what an uninterrupted one would.
func randomState(seed uint64, step int) *tensors.Tensor {
	rng := rand.New(rand.NewPCG(seed, uint64(step)))
	return tensors.FromFlatDataAndDimensions([]uint64{rng.Uint64(), rng.Uint64(), rng.Uint64()}, 3)
}

// ropeRescale is DINOv3's augmentation, drawn per step: a factor on rotary coordinates,
// log-uniform in [1/2, 2] (rescale 2).
func ropeRescale(seed uint64, step int) float64 {
	rng := rand.New(rand.NewPCG(seed^0x526f5045, uint64(step)))
	return math.Pow(2, 2*rng.Float64()-1)
}

func vector(values []float64, dtype dtypes.DType) *tensors.Tensor {
	if dtype == dtypes.Float64 {
		return tensors.FromFlatDataAndDimensions(values, len(values))
	}
	narrow := make([]float32, len(values))
	for i, v := range values {
		narrow[i] = float32(v)
	}
	return tensors.FromFlatDataAndDimensions(narrow, len(narrow))
}

func scalar(value float64, dtype dtypes.DType) *tensors.Tensor {
	if dtype == dtypes.Float64 {
		return tensors.FromScalar(value)
	}
	return tensors.FromScalar(float32(value))
}
