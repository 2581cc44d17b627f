package main

import (
	"archive/zip"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"eomt/internal/cli"
)

// unpack extracts a test data set of the metric rooms.
func unpack(t *testing.T, name string) string {
	t.Helper()
	r, err := zip.OpenReader(filepath.Join("../../eval", name+".zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	folder := t.TempDir()
	if err := os.CopyFS(folder, r); err != nil {
		t.Fatal(err)
	}
	return folder
}

// keysOf returns the dotted paths of a JSON object's members, lists by their
// first element, in order of the alphabet.
func keysOf(value any, at string) []string {
	var keys []string
	switch value := value.(type) {
	case map[string]any:
		for key, v := range value {
			keys = append(keys, at+key)
			keys = append(keys, keysOf(v, at+key+".")...)
		}
	case []any:
		keys = keysOf(value[0], at)
	}
	slices.Sort(keys)
	return keys
}

// runJSON runs the command quietly and returns what -json wrote.
func runJSON(t *testing.T, args ...string) map[string]any {
	t.Helper()
	stdout := os.Stdout
	defer func() { os.Stdout = stdout }()
	var err error
	if os.Stdout, err = os.Open(os.DevNull); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "out.json")
	if err := run(context.Background(), append(args, "-json", out)); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	object := map[string]any{}
	if err := json.Unmarshal(text, &object); err != nil {
		t.Fatal(err)
	}
	return object
}

func TestJSONShapes(t *testing.T) {
	panoptic, instance, cityscapes := unpack(t, "cocofiles/testdata/panoptic-crowds"), unpack(t, "cocofiles/testdata/instance-boxes"), unpack(t, "labelfiles/testdata/cityscapes")
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"panoptic", "-gt", panoptic + "/gt.json", "-gt-dir", panoptic + "/gt", "-pred", panoptic + "/pred.json", "-pred-dir", panoptic + "/pred"},
			"All All.n All.pq All.rq All.sq Stuff Stuff.n Stuff.pq Stuff.rq Stuff.sq Things Things.n Things.pq Things.rq Things.sq per_class " +
				"per_class.fn per_class.fp per_class.id per_class.iou per_class.name per_class.pq per_class.rq per_class.sq per_class.tp protocol"},
		{[]string{"instance", "-gt", instance + "/gt.json", "-pred", instance + "/pred.json"},
			"AP AP50 AP75 APl APm APs AR1 AR10 AR100 ARl ARm ARs per_class per_class.ap per_class.id per_class.name protocol"},
		{[]string{"semantic", "-gt-dir", cityscapes + "/gt", "-pred-dir", cityscapes + "/pred", "-dataset", "cityscapes"},
			"frequency_weighted_iou mIoU mIoU_present mean_accuracy per_class per_class.accuracy per_class.id per_class.iou per_class.name per_class.present pixel_accuracy protocol"},
	} {
		exact := runJSON(t, c.args...)
		if got := strings.Join(keysOf(exact, ""), " "); got != c.want || exact["protocol"] != "exact" {
			t.Errorf("%s: %s", c.args[0], got)
		}
		both := runJSON(t, append(slices.Clone(c.args), "-protocol", "both")...)
		for _, protocol := range []string{"exact", "upstream"} {
			object, _ := both[protocol].(map[string]any)
			if got := strings.Join(keysOf(object, ""), " "); got != c.want || object["protocol"] != protocol {
				t.Errorf("%s, %s of both: %s", c.args[0], protocol, got)
			}
		}
	}
}

func TestBoundaryOfLabelMaps(t *testing.T) {
	cityscapes := unpack(t, "labelfiles/testdata/cityscapes")
	r := runJSON(t, "semantic", "-gt-dir", cityscapes+"/gt", "-pred-dir", cityscapes+"/pred", "-dataset", "cityscapes", "-boundary")
	boundary, _ := r["boundary"].(map[string]any)
	if got := strings.Join(keysOf(boundary, ""), " "); got != "mIoU per_class per_class.id per_class.iou per_class.name" || boundary["mIoU"] == r["mIoU"] {
		t.Errorf("%s: %v", got, boundary)
	}
}

func TestUsageErrors(t *testing.T) {
	for line, want := range map[string]string{
		"":                                   "want one of panoptic, instance and semantic",
		"boxes":                              `unknown task "boxes"`,
		"instance -gt a.json":                "-pred is missing: COCO results list",
		"instance -gt a.json -pred b.json c": `unexpected argument "c"`,
		"instance -gt a -pred b -boundary -protocol both": "-boundary with -protocol both: want exact",
		"instance -thresholds 3":                          "flag provided but not defined: -thresholds",
		"instance -gt a -pred b -protocol paper":          "-protocol paper: want exact, upstream or both",
		"instance -gt a -pred b -json no/x.json":          "-json no/x.json: its folder does not exist",
		"semantic -gt-dir a -pred-dir b -dataset voc":     "-dataset voc: want ade20k, cityscapes or a .yaml file",
	} {
		err := run(context.Background(), strings.Fields(line))
		var usage *cli.UsageError
		if !errors.As(err, &usage) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", line, err, want)
		}
	}
}

func TestFailuresNameTheFile(t *testing.T) {
	for _, line := range []string{
		"instance -gt none.json -pred none.json", "panoptic -gt none.json -pred none.json",
		"semantic -gt-dir none -pred-dir none -dataset ade20k", "semantic -gt-dir a -pred-dir b -dataset none.yaml",
	} {
		err := run(context.Background(), strings.Fields(line))
		var usage *cli.UsageError
		if err == nil || errors.As(err, &usage) || !strings.Contains(err.Error(), "none") {
			t.Errorf("%s: %v", line, err)
		}
	}
}

func Example_help() {
	if err := run(context.Background(), []string{"-h"}); !errors.Is(err, flag.ErrHelp) {
		panic(err)
	}
	// Output:
	// Usage: score panoptic -gt JSON -gt-dir DIR -pred JSON -pred-dir DIR [-protocol exact|upstream|both] [-json FILE]
	//        score instance -gt JSON -pred RESULTS.json [-protocol exact|upstream|both] [-boundary] [-json FILE]
	//        score semantic -gt-dir DIR -pred-dir DIR -dataset ade20k|cityscapes|FILE.yaml [-protocol ..] [-boundary] [-json FILE]
	//
	// Scores prediction files: PQ as panopticapi, mask AP as pycocotools, mIoU by the
	// data set's official rule. "score panoptic -h" and so on describe the flags.
	//
	// Example:
	//   go run ./cmd/score panoptic -gt panoptic_val2017.json -gt-dir panoptic_val2017 -pred pred.json -pred-dir pred
}
