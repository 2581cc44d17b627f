package backend

import (
	"path/filepath"
	"strings"
)

const (
	// hugePagesEnv switches [HugePages] off by the value "off".
	hugePagesEnv = "EOMT_HUGE_PAGES"
	tunablesEnv  = "GLIBC_TUNABLES"
	// hugePages makes glibc's malloc ask for huge pages.
	hugePages = "glibc.malloc.hugetlb"
	// ownBlocks makes it give each block of 1 MiB or more back to the system when it is
	// freed. By itself it soon keeps blocks of up to 32 MiB, such as replaced
	// parameters, in heaps that fragment and grow from step to step.
	ownBlocks = "glibc.malloc.mmap_threshold=1048576"
)

// tunables is the value of GLIBC_TUNABLES with which a program of these arguments
// should start, where that is another one than it has. XLA's processor client takes its
// temporary memory from malloc again in every step and faults it in by pages of 4 KiB
// (docs/decisions/013-huge-pages.md).
func (h host) tunables(backendName string) (value string, wanted bool) {
	given := h.getenv(tunablesEnv)
	switch {
	case h.getenv(hugePagesEnv) == "off", strings.Contains(given, hugePages):
	case backendName != "xla:cpu" && !strings.HasPrefix(backendName, "xla:cpu,"):
	case !h.takesHugePages() || !h.hasGlibc():
	case given == "":
		return hugePages + "=1:" + ownBlocks, true
	default: // what comes last counts
		return hugePages + "=1:" + ownBlocks + ":" + given, true
	}
	return "", false
}

// takesHugePages says whether the kernel gives huge pages to those who ask.
func (h host) takesHugePages() bool {
	mode := trimmed(filepath.Join(h.root, "sys/kernel/mm/transparent_hugepage/enabled"))
	return strings.Contains(mode, "[madvise]") || strings.Contains(mode, "[always]")
}

// hasGlibc says whether this process runs on glibc, which alone knows the tunable.
func (h host) hasGlibc() bool {
	return strings.Contains(trimmed(filepath.Join(h.root, "proc/self/maps")), "/libc.so.6")
}

// backendOf is what -backend names in a command line.
func backendOf(args []string) string {
	for i, arg := range args {
		name, value, stated := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(arg, "-"), "-"), "=")
		switch {
		case arg == "--":
			return ""
		case !strings.HasPrefix(arg, "-") || name != "backend":
		case stated:
			return value
		case i+1 < len(args):
			return args[i+1]
		}
	}
	return ""
}
