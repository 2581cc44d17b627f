package memory

import "testing"

func TestPeak(t *testing.T) {
	held := make([]byte, 64<<20)
	for i := range held {
		held[i] = 1
	}
	if got := Peak(); got < int64(len(held)) || got > 1<<40 {
		t.Errorf("peak %d bytes after filling %d", got, len(held))
	}
}

func TestParsePeak(t *testing.T) {
	for _, c := range []struct {
		status string
		want   int64
	}{
		{"Name:\tx\nVmPeak:\t   900 kB\nVmHWM:\t     7 kB\n", 7 << 10},
		{"Name:\tx\n", 0},
		{"VmHWM:\n", 0},
		{"VmHWM:\tmany kB\n", 0},
		{"", 0},
	} {
		if got := parsePeak(c.status); got != c.want {
			t.Errorf("%q: %d, want %d", c.status, got, c.want)
		}
	}
}
