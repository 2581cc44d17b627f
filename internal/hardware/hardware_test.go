package hardware

import (
	"runtime"
	"testing"
)

func TestParse(t *testing.T) {
	for _, test := range []struct {
		cpu, memory string
		want        Machine
	}{
		{"processor\t: 0\nmodel name\t: Fast CPU @ 2 GHz\nmodel name\t: another\n", "MemTotal:       16384 kB\nMemFree: 1 kB\n",
			Machine{"Fast CPU @ 2 GHz", runtime.NumCPU(), 16 << 20}},
		{"", "", Machine{runtime.GOARCH, runtime.NumCPU(), 0}},
		{"model name:\n", "MemTotal: much kB\n", Machine{runtime.GOARCH, runtime.NumCPU(), 0}},
	} {
		if got := parse(test.cpu, test.memory); got != test.want {
			t.Errorf("%+v, want %+v", got, test.want)
		}
	}
}

func TestString(t *testing.T) {
	for want, m := range map[string]Machine{"": {}, "X, 4 processors, 3 GiB": {"X", 4, 3 << 30}, "X, 4 processors": {"X", 4, 0}} {
		if got := m.String(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
