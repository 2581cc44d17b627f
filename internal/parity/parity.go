// Package parity is shared by tests that compare this project with values of
// reference implementations: it finds those values and reports each comparison in a
// line that `make parity` collects into its table.
package parity

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"eomt/arch"
)

// goldensKey names the environment variable with the folder in which
// scripts/parity/recorded.py has fresh files, laid out as the repository.
const goldensKey = "EOMT_GOLDENS"

// Folder is where a room's files of reference values are: the committed ones in
// testdata beside the test, or those that `make parity` has just made.
func Folder(room string) string {
	if root := os.Getenv(goldensKey); root != "" {
		return filepath.Join(root, room, "testdata")
	}
	return "testdata"
}

// Fresh reports whether the files were just made, so that they are of other cases
// and sizes than the committed ones.
func Fresh() bool { return os.Getenv(goldensKey) != "" }

// Architecture decodes the description of a network in a file of reference values:
// the sizes that scripts/goldens gave the reference implementation.
func Architecture(text string) (arch.Architecture, error) {
	var c struct {
		Kind                                               arch.Kind
		Width, Blocks, Heads, MLPHidden, QueryBlocks       int
		Registers, Patch, ImageH, ImageW, Queries, Classes int
		SwiGLU                                             bool
		NormEpsilon                                        float64
	}
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		return arch.Architecture{}, err
	}
	a := arch.Architecture{Width: c.Width, Blocks: c.Blocks, Heads: c.Heads, Hidden: c.MLPHidden, SwiGLU: c.SwiGLU,
		Registers: c.Registers, Queries: c.Queries, Classes: c.Classes, MaskBlocks: c.QueryBlocks}.ForKind(c.Kind).ForPatch(c.Patch)
	a.NormEps = c.NormEpsilon
	a, err := a.ForImage(c.ImageH, c.ImageW)
	if err != nil {
		return a, err
	}
	return a, a.Validate()
}

// Row is what one comparison saw.
type Row struct {
	Component string  // what was computed, and in which precision
	Against   string  // whose values it was held against
	On        string  // the backend; where empty, as the test's name has it (backendtest.Each)
	Absolute  float64 // largest absolute difference
	Relative  float64 // the same, in Unit
	Unit      string  // "standard deviations", "of the largest value", ...
	Tolerance float64 // of Relative, or of Absolute where AbsoluteTolerance
	// AbsoluteTolerance says that Tolerance is one of Absolute.
	AbsoluteTolerance bool
}

// Add takes another difference into account: absolute, of values whose unit is
// scale. A NaN stays.
func (r *Row) Add(absolute, scale float64) {
	relative := absolute / scale
	if absolute == 0 {
		relative = 0
	}
	r.Absolute, r.Relative = max(r.Absolute, absolute), max(r.Relative, relative)
}

// Report logs the row and attaches it to the test as attribute "parity".
func (r Row) Report(t testing.TB) {
	t.Helper()
	if parts := strings.Split(t.Name(), "/"); r.On == "" && len(parts) > 1 {
		r.On = parts[1]
	}
	where := r.Component
	if r.On != "" {
		where += " on " + r.On
	}
	t.Logf("%s, against %s: largest difference %.2g, %.2g %s (tolerance %g)", where, r.Against, r.Absolute, r.Relative, r.Unit, r.Tolerance)
	number := func(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) } // JSON has no NaN
	kind := "relative"
	if r.AbsoluteTolerance {
		kind = "absolute"
	}
	text, err := json.Marshal(map[string]string{
		"component": r.Component, "against": r.Against, "on": r.On, "absolute": number(r.Absolute),
		"relative": number(r.Relative), "unit": r.Unit, "tolerance": number(r.Tolerance), "kind": kind,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Attr("parity", string(text))
}
