package memory

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Available is how much more memory this process can take without paging, in bytes;
// 0 where the system does not say. Linux: MemAvailable, or what a limit on the
// process's control group leaves where that is less.
func Available() int64 { return available("/") }

// available reads the files of a system whose root is the given folder.
func available(root string) int64 {
	var least int64
	for line := range strings.Lines(text(root, "proc/meminfo")) {
		fields := strings.Fields(line)
		if len(fields) == 3 && fields[0] == "MemAvailable:" {
			kB, _ := strconv.ParseInt(fields[1], 10, 64)
			least = kB << 10
		}
	}
	for _, group := range []struct{ limit, used, detail, cache string }{
		{"memory.max", "memory.current", "memory.stat", ""},                                              // version 2
		{"memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "memory/memory.stat", "total_"}, // version 1
	} {
		limit, err := strconv.ParseInt(text(root, "sys/fs/cgroup", group.limit), 10, 64)
		if err != nil {
			continue // no limit, or no such group
		}
		used, err := strconv.ParseInt(text(root, "sys/fs/cgroup", group.used), 10, 64)
		used -= cached(text(root, "sys/fs/cgroup", group.detail), group.cache)
		if left := max(limit-used, 0); err == nil && (least == 0 || left < least) {
			least = left
		}
	}
	return least
}

// cached are the bytes of files in a group's memory.stat. They count as used, though
// the system gives them up when memory is needed.
func cached(stat, prefix string) (bytes int64) {
	for line := range strings.Lines(stat) {
		fields := strings.Fields(line)
		if len(fields) == 2 && (fields[0] == prefix+"active_file" || fields[0] == prefix+"inactive_file") {
			n, _ := strconv.ParseInt(fields[1], 10, 64)
			bytes += n
		}
	}
	return bytes
}

// text is a small file's, empty where it cannot be read.
func text(path ...string) string {
	raw, _ := os.ReadFile(filepath.Join(path...))
	return strings.TrimSpace(string(raw))
}
