package train

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/gomlx/compute"
	"gopkg.in/yaml.v3"
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

const allDevices Devices = "all"

// TypeName describes the values of the key.
func (Devices) TypeName() string { return "all, a number of devices, or a list of device numbers" }

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
	if d == allDevices || d == "" {
		return 0, nil, nil
	}
	wrong := fmt.Errorf("train.devices %s: want %s", d, d.TypeName())
	inner, isList := strings.CutPrefix(string(d), "[")
	if !isList {
		if count, err = strconv.Atoi(string(d)); err != nil || count < 1 {
			return 0, nil, wrong
		}
		return count, nil, nil
	}
	for _, item := range strings.Split(strings.TrimSuffix(inner, "]"), ",") {
		n, err := strconv.Atoi(strings.TrimSpace(item))
		if err != nil || n < 0 || slices.Contains(list, compute.DeviceNum(n)) {
			return 0, nil, wrong
		}
		list = append(list, compute.DeviceNum(n))
	}
	return len(list), list, nil
}

// Least is the number of devices that a backend must have for the choice; 0 where it
// takes what there is.
func (d Devices) Least() int {
	count, list, _ := d.parse() // which UnmarshalYAML has checked
	if len(list) > 0 {
		return int(slices.Max(list)) + 1
	}
	return count
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
		for i := range count {
			list = append(list, compute.DeviceNum(i))
		}
	}
	return list, nil
}
