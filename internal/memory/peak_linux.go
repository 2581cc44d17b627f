package memory

import (
	"os"
	"strconv"
	"strings"
)

// Peak is the largest resident memory of this process so far, in bytes; 0 if
// the system does not say. Linux: VmHWM of /proc/self/status, since getrusage
// counts the parent's memory at the fork.
func Peak() int64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	return parsePeak(string(status))
}

func parsePeak(status string) int64 {
	for line := range strings.Lines(status) {
		fields := strings.Fields(line)
		if len(fields) == 3 && fields[0] == "VmHWM:" && fields[2] == "kB" {
			if kB, err := strconv.ParseInt(fields[1], 10, 64); err == nil {
				return kB << 10
			}
		}
	}
	return 0
}
