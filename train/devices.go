package train

import (
	"fmt"
	"runtime/debug"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/distributed"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
)

// Several devices of one process work as replicas: each has the whole state and an
// equal part of the images, runs the same program, and sums gradients with the others
// in it. Losses are divided by the global batch's normalizers, draws follow the
// images' indices in it, and batch statistics are of all devices' images (package model),
// so that any number of devices makes the same step. The optimiser's slots can be shared out (shards.go).
//
// A program's arguments and outputs are lists by device, one after the other.

// meshAxis names the one axis of the devices' mesh.
const meshAxis = "data"

// setDevices checks the devices and the parts that they get.
func (s *Step) setDevices() error {
	s.devices = []compute.DeviceNum{0}
	if len(s.config.Devices) > 0 {
		s.devices = s.config.Devices
	}
	n, there := len(s.devices), s.backend.NumDevices()
	for i, d := range s.devices {
		switch {
		case int(d) < 0 || int(d) >= there:
			return fmt.Errorf("train: device %d: the backend has the devices 0 to %d", d, there-1)
		case slices.Contains(s.devices[:i], d):
			return fmt.Errorf("train: device %d is named twice", d)
		}
	}
	shares, hosts := max(s.config.Accumulate, 1), s.hosts()
	if s.config.BatchSize%(shares*n*hosts) != 0 {
		return fmt.Errorf("train: a batch of %d images cannot be split into %s on each of %d devices of %d hosts", s.config.BatchSize, equalShares(shares), n, hosts)
	}
	if n == 1 {
		return nil
	}
	var err error
	if s.mesh, err = distributed.NewDeviceMesh([]int{n}, []string{meshAxis}); err != nil {
		return fmt.Errorf("train: devices: %w", err)
	}
	return nil
}

func equalShares(n int) string {
	if n == 1 {
		return "an equal share"
	}
	return fmt.Sprintf("%d equal shares", n)
}

// Devices is the number of devices that the step runs on.
func (s *Step) Devices() int { return len(s.devices) }

// replicated makes a program one that runs on all devices.
func (s *Step) replicated(exec *Exec) *Exec {
	if s.mesh == nil {
		return exec
	}
	return exec.SPMD(s.mesh).WithDeviceAssignment(s.devices)
}

// summed is the sum of each node over all devices.
func (s *Step) summed(nodes []*Node) []*Node {
	if s.mesh == nil || len(nodes) == 0 {
		return nodes
	}
	return nodes[0].Graph().Distributed().AllReduce(nodes, compute.ReduceOpSum)
}

// onDevices are the equal parts of a share that the devices get.
func (s *Step) onDevices(share Share) ([]Share, error) {
	n := share.Batch.B / len(s.devices)
	if n*len(s.devices) != share.Batch.B {
		return nil, fmt.Errorf("%d images cannot be split over %d devices equally", share.Batch.B, len(s.devices))
	}
	shares := make([]Share, len(s.devices))
	for d := range shares {
		shares[d] = Share{Batch: part(share.Batch, d*n, n), First: share.First + d*n, By: share.By}
	}
	return shares, nil
}

// on is the state on a step's device, by its position in the list of devices.
func (s *State) on(device int) *State {
	if device == 0 {
		return s
	}
	return s.others[device-1]
}

// Replicas are the state on each of the devices of the step that it was placed on, its
// own first.
func (s *State) Replicas() []*State { return append([]*State{s}, s.others...) }

// Device is where the state is, of its step's backend.
func (s *State) Device() compute.DeviceNum { return s.device }

// Place brings a state to the step's devices, with the optimiser's slots. A step that
// runs on a state does so first.
func (s *Step) Place(state *State) error {
	if state.placed == s && s.mesh != nil {
		return nil
	}
	if err := state.unshard(); err != nil {
		return err
	}
	state.others, state.device = nil, s.devices[0]
	if err := s.prepare(state); err != nil {
		return err
	}
	for _, device := range s.devices[1:] {
		other, err := s.copied(state, device)
		if err != nil {
			return fmt.Errorf("train: copy the state to device %d: %w", device, err)
		}
		state.others = append(state.others, other)
	}
	if s.sharded() {
		if err := s.shard(state); err != nil {
			return err
		}
	}
	if state.placed != s {
		if err := s.leaveHost(state); err != nil {
			return err
		}
	}
	state.placed = s
	return nil
}

// leaveHost frees the host's copies of a state that starts on the step's devices. They
// are as large as the state, and Go by itself would keep their memory for minutes.
func (s *Step) leaveHost(state *State) error {
	for _, replica := range state.Replicas() {
		all := slices.Concat(replica.Params, replica.Buffers)
		if !s.sharded() {
			for _, slot := range replica.Slots {
				all = append(all, slot...)
			}
		}
		for _, t := range all {
			if t == nil { // the slot of a frozen parameter
				continue
			}
			if err := t.MaterializeOnDevice(s.backend, false, replica.device); err != nil {
				return fmt.Errorf("train: copy the state to device %d: %w", replica.device, err)
			}
			t.FinalizeLocal()
		}
	}
	debug.FreeOSMemory()
	return nil
}

// copied is a copy of a state on another device, without slots if the devices share
// them out.
func (s *Step) copied(state *State, device compute.DeviceNum) (*State, error) {
	var err error
	clone := func(list []*tensors.Tensor) []*tensors.Tensor {
		copies := make([]*tensors.Tensor, len(list))
		for i, t := range list {
			if t != nil && err == nil {
				copies[i], err = t.OnDeviceClone(s.backend, device)
			}
		}
		return copies
	}
	other := &State{device: device, Params: clone(state.Params), Buffers: clone(state.Buffers), Slots: map[string][]*tensors.Tensor{}}
	if s.sharded() {
		return other, err
	}
	for name, slot := range state.Slots {
		other.Slots[name] = clone(slot)
	}
	return other, err
}

// byDevice splits a program's outputs.
func (s *Step) byDevice(out []*tensors.Tensor) [][]*tensors.Tensor {
	return slices.Collect(slices.Chunk(out, len(out)/len(s.devices)))
}

// lossesOf adds the devices' packed losses and frees them on the devices. The gradient
// norm is that of all devices' sum on each.
func lossesOf(packed []*tensors.Tensor) (Losses, error) {
	sum, err := hostLosses(packed[0])
	for _, p := range packed[1:] {
		var one Losses
		if err == nil {
			one, err = hostLosses(p)
			sum.add(one)
		}
	}
	return sum, err
}
