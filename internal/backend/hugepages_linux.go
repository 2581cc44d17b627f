package backend

import (
	"os"
	"strings"
	"syscall"
)

// HugePages makes a program that is about to compute on xla:cpu start again, once and
// in the same process, with malloc set to ask for huge pages and to give large blocks back. It has to be called first
// in main: arguments, environment, standard streams and process id stay, all else is
// lost. Where it is switched off (EOMT_HUGE_PAGES=off), set by the user (GLIBC_TUNABLES)
// or of no use, it returns; so it does where the program cannot be started again.
func HugePages() {
	value, wanted := thisHost.tunables(Choose(backendOf(os.Args[1:])).Name)
	if !wanted {
		return
	}
	var env []string
	for _, entry := range os.Environ() {
		if !strings.HasPrefix(entry, tunablesEnv+"=") {
			env = append(env, entry)
		}
	}
	_ = syscall.Exec("/proc/self/exe", os.Args, append(env, tunablesEnv+"="+value)) // it then computes a little slower
}
