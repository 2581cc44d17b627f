package train

import (
	"fmt"
	"strings"

	"github.com/gomlx/compute"
	"gopkg.in/yaml.v3"

	"eomt/internal/backend"
)

// DevicesConfig chooses the devices of a process, with its keys of the section train.
type DevicesConfig struct {
	Devices        Devices `yaml:"devices" doc:"Devices that share out the images of a step: all, a number of them, or a list such as [0, 2]. All are the accelerators that are visible, as many of them as divide the images equally; of a processor (xla:cpu) they are one, and a number makes so many of it."`
	ShardOptimizer bool    `yaml:"shard_optimizer" doc:"Share out the optimizer's moments, and the moving averages of ema, over the devices instead of keeping all on each; saves memory and costs a transfer of the parameters a step. Nothing changes on one device. Checkpoints are the same, and any number of devices resumes them."`
}

// DefaultDevices are all.
func DefaultDevices() DevicesConfig { return DevicesConfig{Devices: allDevices} }

// Devices is a choice of devices: "all", a number, or a list of their numbers such as
// "[0, 2]".
type Devices string

const allDevices Devices = backend.AllDevices

// TypeName describes the values of the key.
func (Devices) TypeName() string { return backend.DevicesForm }

// UnmarshalYAML implements yaml.Unmarshaler.
func (d *Devices) UnmarshalYAML(n *yaml.Node) error {
	text := n.Value
	if n.Kind == yaml.SequenceNode {
		var list []string
		if err := n.Decode(&list); err != nil {
			return err
		}
		text = "[" + strings.Join(list, ", ") + "]"
	}
	if text == "" {
		return fmt.Errorf("train.devices: want %s", d.TypeName())
	}
	*d = Devices(text)
	_, _, err := d.parse()
	return err
}

// MarshalYAML implements yaml.Marshaler.
func (d Devices) MarshalYAML() (any, error) {
	n := &yaml.Node{}
	if err := yaml.Unmarshal([]byte(d), n); err != nil {
		return nil, err
	}
	return n.Content[0], nil
}

// parse reads a choice: a number, or a list; 0 and none for all.
func (d Devices) parse() (count int, list []compute.DeviceNum, err error) {
	if count, list, err = backend.ParseDevices(string(d)); err != nil {
		err = fmt.Errorf("train.%w", err)
	}
	return count, list, err
}

// Least is the number of devices that a backend must have for the choice; 0 where it
// takes what there is.
func (d Devices) Least() int {
	count, list, _ := d.parse() // which UnmarshalYAML has checked
	return backend.LeastDevices(count, list)
}

// Choose gives the devices for so many images at once, of a backend that has `there`
// of them; processor says that these share one processor.
func (d Devices) Choose(there, images int, processor bool) ([]compute.DeviceNum, error) {
	count, list, err := d.parse()
	switch {
	case err != nil:
		return nil, err
	case d.Least() > there:
		return nil, fmt.Errorf("train.devices %s: the backend has %d", d, there)
	case count == 0 && processor:
		count = 1
	case count == 0:
		for count = min(there, images); images%count != 0; count-- {
		}
	case images%count != 0:
		return nil, fmt.Errorf("train.devices %s: %d images at once (data.batch in train.accumulate shares) cannot be split over %d devices equally", d, images, count)
	}
	if list == nil {
		list = backend.FirstDevices(count)
	}
	return list, nil
}
