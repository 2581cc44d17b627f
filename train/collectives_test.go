package train

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/gomlx/compute/dtypes"

	"eomt/internal/backend/backendtest"
)

// dumpKey marks the child of TestCollectives, in which XLA writes compiled programs down.
const dumpKey = "EOMT_TEST_COLLECTIVES"

// The compiled step on two devices talks once: one all-reduce of all gradients, outside
// of every loop, and no all-gather. Networks with batch normalisation talk in their norms
// too: see TestDevicesShareBatchStatistics.
func TestCollectives(t *testing.T) {
	b := backendtest.Devices(t, 2)
	if os.Getenv(dumpKey) != "" {
		s := seamStep(t, b, onFirst(2, nil))
		if _, err := s.Memory(2, 16, false, dtypes.Float32); err != nil {
			t.Fatal(err)
		}
		return
	}
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestCollectives$")
	cmd.Env = append(os.Environ(), dumpKey+"=1", "EOMT_PROGRAMS=off",
		"XLA_FLAGS="+os.Getenv("XLA_FLAGS")+" --xla_backend_optimization_level=0 --xla_dump_hlo_as_text --xla_dump_to="+dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	programs := dumped(t, dir)
	if len(programs) != 1 {
		t.Fatalf("%d programs, want 1", len(programs))
	}
	p := programs[0]
	if len(p.loops) == 0 {
		t.Fatal("no loop in the program, which has the matcher's")
	}
	if reduces := p.allReduces(t); reduces != 1 {
		t.Errorf("%d all-reduces, want 1", reduces)
	}
}

// dumped are the programs that XLA has written down in a folder.
func dumped(t *testing.T, dir string) (programs []program) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*after_optimizations.txt"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		programs = append(programs, readProgram(string(raw)))
	}
	return programs
}

// allReduces counts a program's all-reduces. Other collectives, and those in loops, are
// errors.
func (p program) allReduces(t *testing.T) (n int) {
	t.Helper()
	for _, lines := range p.computations {
		for _, line := range lines {
			if collective.MatchString(line) {
				n++
			}
			if strings.Contains(line, " all-gather") || strings.Contains(line, " all-to-all") || strings.Contains(line, " collective-permute") {
				t.Errorf("another collective: %.200s", line)
			}
		}
	}
	for name := range p.within(p.loops) {
		for _, line := range p.computations[name] {
			if collective.MatchString(line) {
				t.Errorf("in a loop: %.200s", line)
			}
		}
	}
	return n
}

var (
	collective = regexp.MustCompile(` all-reduce(-start)?\(`)
	hloHeader  = regexp.MustCompile(`^(?:ENTRY )?(%[\w.\-]+) \(.*\{$`)
	hloLoop    = regexp.MustCompile(`(?:body|condition)=(%[\w.\-]+)`)
	hloCalls   = regexp.MustCompile(`(?:body|condition|calls|to_apply|branch_computations)=\{?(%[\w.\-]+)`)
)

// program is the text of a compiled program.
type program struct {
	computations map[string][]string
	loops        []string // bodies and conditions
}

func readProgram(text string) program {
	p := program{computations: map[string][]string{}}
	name := ""
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if match := hloHeader.FindStringSubmatch(line); match != nil {
			name = match[1]
			continue
		}
		p.computations[name] = append(p.computations[name], line)
		for _, match := range hloLoop.FindAllStringSubmatch(line, -1) {
			p.loops = append(p.loops, match[1])
		}
	}
	return p
}

// within are the computations that others lead to, with them.
func (p program) within(names []string) map[string]bool {
	seen := map[string]bool{}
	for len(names) > 0 {
		name := names[0]
		names = names[1:]
		if seen[name] {
			continue
		}
		seen[name] = true
		for _, line := range p.computations[name] {
			for _, match := range hloCalls.FindAllStringSubmatch(line, -1) {
				names = append(names, match[1])
			}
		}
	}
	return seen
}
