package backend

import (
	"strings"
	"testing"
)

func TestTunables(t *testing.T) {
	const mode, maps = "sys/kernel/mm/transparent_hugepage/enabled", "proc/self/maps"
	const wanted = "glibc.malloc.hugetlb=1:glibc.malloc.mmap_threshold=1048576"
	glibc := "7f-80 r-xp 0 0:0 1 /usr/lib/x86_64-linux-gnu/libc.so.6\n"
	for _, c := range []struct {
		name, backend, mode, maps string
		env                       map[string]string
		want                      string // empty: nothing to do
	}{
		{"madvise", "xla:cpu", "always [madvise] never", glibc, nil, wanted},
		{"always", "xla:cpu", "[always] madvise never", glibc, nil, wanted},
		{"options of the backend", "xla:cpu,tf32=false", "[always] madvise never", glibc, nil, wanted},
		{"other tunables", "xla:cpu", "[always]", glibc, map[string]string{tunablesEnv: "glibc.malloc.arena_max=1"}, wanted + ":glibc.malloc.arena_max=1"},
		{"stated", "xla:cpu", "[always]", glibc, map[string]string{tunablesEnv: "glibc.malloc.hugetlb=0"}, ""},
		{"off", "xla:cpu", "[always]", glibc, map[string]string{hugePagesEnv: "off"}, ""},
		{"never", "xla:cpu", "always madvise [never]", glibc, nil, ""},
		{"no such kernel", "xla:cpu", "", glibc, nil, ""},
		{"another libc", "xla:cpu", "[always]", "7f-80 r-xp 0 0:0 1 /lib/ld-musl-x86_64.so.1\n", nil, ""},
		{"GPU", "xla:cuda", "[always]", glibc, nil, ""},
		{"go", "go", "[always]", glibc, nil, ""},
	} {
		h := machine(t, map[string]string{mode: c.mode, maps: c.maps})
		h.getenv = func(key string) string { return c.env[key] }
		if got, start := h.tunables(c.backend); got != c.want || start != (c.want != "") {
			t.Errorf("%s: %q, %v; want %q", c.name, got, start, c.want)
		}
	}
}

func TestBackendOfACommandLine(t *testing.T) {
	for args, want := range map[string]string{
		"-config c.yaml -backend go":       "go",
		"forward --backend=xla:cpu -input": "xla:cpu",
		"-backend":                         "",
		"-config backend":                  "",
		"-- -backend go":                   "",
		"":                                 "",
	} {
		if got := backendOf(strings.Fields(args)); got != want {
			t.Errorf("%s: %q, want %q", args, got, want)
		}
	}
}
