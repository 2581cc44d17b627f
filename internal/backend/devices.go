package backend

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// host is the machine that plugins are chosen for. Tests put folders of their own
// in its place.
type host struct {
	root   string // of the file system that holds dev, proc and sys
	getenv func(string) string
}

var thisHost = host{root: "/", getenv: os.Getenv}

func (h host) glob(pattern string) []string {
	found, err := filepath.Glob(filepath.Join(h.root, pattern))
	if err != nil {
		panic(err) // a pattern of this file
	}
	return found
}

// gpu says why no NVIDIA GPU can be used with a driver of at least the given
// version, nil if one can.
func (h host) gpu(leastDriver string) error {
	// /dev/dxg is a GPU that Windows lends to Linux; its driver is not visible.
	if len(h.glob("dev/nvidia[0-9]*")) == 0 && len(h.glob("dev/dxg")) == 0 {
		return fmt.Errorf("no NVIDIA GPU is visible%s", leastly(leastDriver))
	}
	if hidden := h.getenv("CUDA_VISIBLE_DEVICES"); hidden == "-1" {
		return fmt.Errorf("CUDA_VISIBLE_DEVICES=%s hides all GPUs", hidden)
	}
	if version := h.driver(); version != "" && leastDriver != "" && compareVersions(version, leastDriver) < 0 {
		return fmt.Errorf("NVIDIA's driver is %s, the plugin needs %s or newer", version, leastDriver)
	}
	return nil
}

func leastly(driver string) string {
	if driver == "" {
		return ""
	}
	return fmt.Sprintf(" (the plugin needs one with driver %s or newer)", driver)
}

var driverVersion = regexp.MustCompile(`(?m)^NVRM version:.*?\s(\d+(?:\.\d+)+)\s`)

// driver is the version of NVIDIA's kernel driver, empty if it is not known.
func (h host) driver() string {
	text, err := os.ReadFile(filepath.Join(h.root, "proc/driver/nvidia/version"))
	if err != nil {
		return ""
	}
	if found := driverVersion.FindSubmatch(text); found != nil {
		return string(found[1])
	}
	return ""
}

// compareVersions compares numbers separated by dots; a missing one is 0.
func compareVersions(a, b string) int {
	return slices.Compare(versionNumbers(a), versionNumbers(b))
}

func versionNumbers(version string) []int {
	var numbers []int
	for part := range strings.SplitSeq(version, ".") {
		n, err := strconv.Atoi(part)
		if err != nil {
			break
		}
		numbers = append(numbers, n)
	}
	for len(numbers) > 0 && numbers[len(numbers)-1] == 0 {
		numbers = numbers[:len(numbers)-1]
	}
	return numbers
}

// tpuDevices are the PCI devices of Google (vendor 0x1ae0) that are TPUs, as
// jax/_src/hardware_utils.py lists them: v2 and v3, v4, v5p, v5e, v6e, 7x.
var tpuDevices = []string{"0x0027", "0x005e", "0x0062", "0x0063", "0x006f", "0x0076"}

// tpu says why no TPU can be used, nil if one can.
func (h host) tpu() error {
	if len(h.glob("dev/accel[0-9]*")) > 0 {
		return nil
	}
	for _, vendor := range h.glob("sys/bus/pci/devices/*/vendor") {
		if trimmed(vendor) == "0x1ae0" && slices.Contains(tpuDevices, trimmed(filepath.Join(filepath.Dir(vendor), "device"))) {
			return nil
		}
	}
	return fmt.Errorf("no TPU is visible")
}

// trimmed is the text of a small file, empty if it cannot be read.
func trimmed(path string) string {
	text, _ := os.ReadFile(path)
	return strings.TrimSpace(string(text))
}
