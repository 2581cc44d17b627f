package backend

import (
	"fmt"
	"io"

	"github.com/gomlx/compute"
)

// Start opens the backend that name stands for, or the best there is, and notes the
// choice on one line.
func Start(name string, notes io.Writer) (compute.Backend, Choice, error) {
	choice := Choose(name)
	b, err := Open(choice)
	if err != nil {
		return nil, choice, err
	}
	fmt.Fprintln(notes, choice)
	return b, choice, nil
}

// Devices describes the devices of a backend.
func Devices(b compute.Backend) []string {
	devices := make([]string, b.NumDevices())
	for i := range devices {
		devices[i] = b.DeviceDescription(compute.DeviceNum(i))
	}
	return devices
}
