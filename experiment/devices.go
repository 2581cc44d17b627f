package experiment

import (
	"fmt"
	"strings"

	"eomt/internal/backend"
)

// chooseDevices takes the devices that train.devices names for the images that a step
// has at once, and says which they are where there is a choice.
func (r *Run) chooseDevices() (err error) {
	c := r.Config
	shares := c.Shares() * r.hosts()
	atOnce := c.Data.Loader.Batch / shares
	if atOnce*shares != c.Data.Loader.Batch {
		return fmt.Errorf("data.batch %d cannot be split into %d equal shares on each of %d hosts", c.Data.Loader.Batch, shares/r.hosts(), r.hosts())
	}
	there := r.device.NumDevices()
	if r.devices, err = c.Train.Devices.Devices.Choose(there, atOnce, r.choice.OnProcessor()); err != nil {
		return fmt.Errorf("%w (backend %s)", err, r.choice.Name)
	}
	if n := len(r.devices); n > 1 || there > 1 && !r.choice.OnProcessor() {
		r.note(fmt.Sprintf("%d of %d devices, %d images at once on each: %s", n, there, atOnce/n, strings.Join(r.deviceNames(), ", ")))
	}
	if len(r.Architecture.Buffers()) > 0 && shares > 1 {
		r.note(statisticsOf(atOnce, c.Data.Loader.Batch, r.hosts()))
	}
	switch n := len(r.devices); {
	case !c.Train.Devices.ShardOptimizer:
	case n > 1:
		r.note(fmt.Sprintf("train.shard_optimizer: each device keeps 1/%d of the optimizer's slots", n))
	default:
		r.note("train.shard_optimizer changes nothing: the run has one device, which keeps all of the optimizer's slots")
	}
	return nil
}

// statisticsOf says what batch normalisation takes its statistics of, where that is not
// the whole batch.
func statisticsOf(atOnce, batch, hosts int) string {
	reason := "shares are computed one after the other (train.accumulate)"
	if hosts > 1 {
		reason = "a host has them at once; hosts exchange gradients and running values after the compiled pass, nothing within it"
	}
	return fmt.Sprintf("batch normalisation takes the statistics of %d images instead of all %d: %s", atOnce, batch, reason)
}

// deviceNames describe the run's devices.
func (r *Run) deviceNames() []string {
	all := backend.Devices(r.device)
	var names []string
	for _, d := range r.devices {
		names = append(names, all[d])
	}
	return names
}
