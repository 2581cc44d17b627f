// Package hardware describes the machine that a program runs on.
package hardware

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
)

// Machine is a computer without its accelerators.
type Machine struct {
	Processor  string `json:"processor,omitempty"`  // model; the architecture where the system does not say
	Processors int    `json:"processors,omitempty"` // logical ones that this process may use
	Memory     int64  `json:"memory,omitempty"`     // bytes; 0 if the system does not say
}

// Host is the machine of this process. Model and memory are known on Linux.
func Host() Machine {
	cpu, _ := os.ReadFile("/proc/cpuinfo")
	memory, _ := os.ReadFile("/proc/meminfo")
	return parse(string(cpu), string(memory))
}

func parse(cpuinfo, meminfo string) Machine {
	m := Machine{Processor: runtime.GOARCH, Processors: runtime.NumCPU()}
	if model := field(cpuinfo, "model name"); model != "" {
		m.Processor = model
	}
	if kB, err := strconv.ParseInt(strings.TrimSuffix(field(meminfo, "MemTotal"), " kB"), 10, 64); err == nil {
		m.Memory = kB << 10
	}
	return m
}

// field is the first value of a key in lines of "key: value".
func field(text, key string) string {
	for line := range strings.Lines(text) {
		if k, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(k) == key {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// String is the machine in one line.
func (m Machine) String() string {
	if m.Processor == "" {
		return ""
	}
	text := fmt.Sprintf("%s, %d processors", m.Processor, m.Processors)
	if m.Memory > 0 {
		text += fmt.Sprintf(", %.0f GiB", float64(m.Memory)/(1<<30))
	}
	return text
}
