package app

import (
	"fmt"
	"os"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"

	"eomt/internal/backend"
)

// OpenBackend opens what -backend names, or the best there is, and says so once
// on standard error.
func OpenBackend(flag string) (compute.Backend, backend.Choice, error) {
	choice := backend.Choose(flag)
	b, err := backend.Open(choice)
	if err != nil {
		return nil, choice, err
	}
	fmt.Fprintln(os.Stderr, choice)
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

// MatMul is the dtype of matrix products that a configuration's precision asks for.
func MatMul(precision string) dtypes.DType {
	if precision == "bf16" {
		return dtypes.BFloat16
	}
	return dtypes.Float32
}
