package memory

import (
	"os"
	"path/filepath"
	"testing"
)

func TestAvailable(t *testing.T) {
	const meminfo = "MemTotal:  9 kB\nMemAvailable:       4 kB\n"
	for _, c := range []struct {
		name  string
		files map[string]string
		want  int64
	}{
		{"nothing is known", nil, 0},
		{"the machine", map[string]string{"proc/meminfo": meminfo}, 4096},
		{"no number", map[string]string{"proc/meminfo": "MemAvailable: much kB\n"}, 0},
		{"no limit", map[string]string{"proc/meminfo": meminfo, "sys/fs/cgroup/memory.max": "max\n", "sys/fs/cgroup/memory.current": "1\n"}, 4096},
		{"limit", map[string]string{"proc/meminfo": meminfo, "sys/fs/cgroup/memory.max": "3000\n", "sys/fs/cgroup/memory.current": "1000\n"}, 2000},
		{"cached files", map[string]string{"proc/meminfo": meminfo, "sys/fs/cgroup/memory.max": "3000\n", "sys/fs/cgroup/memory.current": "2900\n",
			"sys/fs/cgroup/memory.stat": "anon 900\ninactive_file 1500\nactive_file 500\n"}, 2100},
		{"loose limit", map[string]string{"proc/meminfo": meminfo, "sys/fs/cgroup/memory.max": "30000\n", "sys/fs/cgroup/memory.current": "1000\n"}, 4096},
		{"version 1", map[string]string{"proc/meminfo": meminfo, "sys/fs/cgroup/memory/memory.limit_in_bytes": "3000\n",
			"sys/fs/cgroup/memory/memory.usage_in_bytes": "2900\n"}, 100},
		{"version 1, cached files", map[string]string{"proc/meminfo": meminfo, "sys/fs/cgroup/memory/memory.limit_in_bytes": "3000\n",
			"sys/fs/cgroup/memory/memory.usage_in_bytes": "2900\n", "sys/fs/cgroup/memory/memory.stat": "active_file 7\ntotal_active_file 1000\n"}, 1100},
	} {
		root := t.TempDir()
		for name, content := range c.files {
			path := filepath.Join(root, name)
			if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		if got := available(root); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
	if Available() <= 0 {
		t.Error("this machine says nothing")
	}
}
