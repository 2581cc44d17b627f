package memory

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// units are those of sizes, larger ones first.
var units = []struct {
	name  string
	bytes float64
}{
	{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10},
	{"TB", 1e12}, {"GB", 1e9}, {"MB", 1e6}, {"kB", 1e3},
}

// Parse reads a size such as 24GiB, 80GB, 500MiB or 1.5 GiB in bytes: a positive
// number and its unit. Case does not matter.
func Parse(text string) (int64, error) {
	trimmed := strings.TrimSpace(text)
	for _, unit := range units {
		at := len(trimmed) - len(unit.name)
		if at < 0 || !strings.EqualFold(trimmed[at:], unit.name) {
			continue
		}
		n, err := strconv.ParseFloat(strings.TrimSpace(trimmed[:at]), 64)
		if err != nil || !(n > 0) || n*unit.bytes >= math.MaxInt64 {
			break
		}
		if bytes := int64(math.Round(n * unit.bytes)); bytes > 0 {
			return bytes, nil
		}
		break
	}
	return 0, fmt.Errorf("memory %q: want a number with a unit, such as 24GiB, 80GB or 500MiB", text)
}

// Format writes bytes in the largest binary unit of which there is at least one.
func Format(bytes int64) string {
	for _, unit := range units[:4] {
		if n := float64(bytes) / unit.bytes; n >= 1 {
			return fmt.Sprintf("%.2f %s", n, unit.name)
		}
	}
	return fmt.Sprintf("%d B", bytes)
}
