package backend

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

const hugePagesChild = "EOMT_TEST_HUGE_PAGES"

// TestMain lets this test program be one that calls HugePages first in main.
func TestMain(m *testing.M) {
	if os.Getenv(hugePagesChild) != "" {
		HugePages()
		line, _ := bufio.NewReader(os.Stdin).ReadString('\n')
		fmt.Printf("%d %q %q %q\n", os.Getpid(), os.Args[1:], os.Getenv(tunablesEnv), line)
		return
	}
	os.Exit(m.Run())
}

// A program starts again once, in the same process, with the same arguments and
// standard input; it stays as it is where huge pages are switched off.
func TestHugePages(t *testing.T) {
	if !HasPlugin("cpu") || !thisHost.takesHugePages() || !thisHost.hasGlibc() {
		t.Skip("no plugin, no huge pages or no glibc here")
	}
	for switched, want := range map[string]string{"": "glibc.malloc.hugetlb=1:" + ownBlocks, "off": ""} {
		command := exec.Command(os.Args[0], "-backend", "xla:cpu", "a b", "")
		command.Env = []string{hugePagesChild + "=1", hugePagesEnv + "=" + switched}
		for _, entry := range os.Environ() {
			if !strings.HasPrefix(entry, tunablesEnv+"=") && !strings.HasPrefix(entry, hugePagesEnv+"=") {
				command.Env = append(command.Env, entry)
			}
		}
		command.Stdin = strings.NewReader("line\n")
		var out bytes.Buffer
		command.Stdout, command.Stderr = &out, &out
		if err := command.Run(); err != nil {
			t.Fatal(err, out.String())
		}
		if text := fmt.Sprintf("%d %q %q %q\n", command.Process.Pid, []string{"-backend", "xla:cpu", "a b", ""}, want, "line\n"); out.String() != text {
			t.Errorf("%q: %s, want %s", switched, &out, text)
		}
	}
}
