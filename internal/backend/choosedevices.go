package backend

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/gomlx/compute"
)

// AllDevices is the choice of every accelerator that is visible, or of one processor.
const AllDevices = "all"

// DevicesForm describes a choice of devices.
const DevicesForm = "all, a number of devices, or a list of device numbers"

// ParseDevices reads a choice of devices: a number of them, or a list such as "[0, 2]".
// For all, and for none stated, count is 0.
func ParseDevices(text string) (count int, list []compute.DeviceNum, err error) {
	if text == AllDevices || text == "" {
		return 0, nil, nil
	}
	inner, isList := strings.CutPrefix(text, "[")
	if !isList {
		if count, err = strconv.Atoi(text); err != nil || count < 1 {
			return 0, nil, fmt.Errorf("devices %s: want %s", text, DevicesForm)
		}
		return count, nil, nil
	}
	for _, item := range strings.Split(strings.TrimSuffix(inner, "]"), ",") {
		n, err := strconv.Atoi(strings.TrimSpace(item))
		if err != nil || n < 0 || slices.Contains(list, compute.DeviceNum(n)) {
			return 0, nil, fmt.Errorf("devices %s: want %s", text, DevicesForm)
		}
		list = append(list, compute.DeviceNum(n))
	}
	return len(list), list, nil
}

// LeastDevices is the number of devices that a backend must have for a choice; 0 where
// the choice takes what there is.
func LeastDevices(count int, list []compute.DeviceNum) int {
	if len(list) > 0 {
		return int(slices.Max(list)) + 1
	}
	return count
}

// FirstDevices are the devices 0 to n-1.
func FirstDevices(n int) []compute.DeviceNum {
	list := make([]compute.DeviceNum, n)
	for i := range list {
		list[i] = compute.DeviceNum(i)
	}
	return list
}
