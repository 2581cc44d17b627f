package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"eomt/configs"
	"eomt/train"
)

// large is the published recipe for COCO panoptic, without its archives at hand.
var large = filepath.Join("..", "..", "configs", "coco", "panoptic", "eomt-l-640.yaml")

// What -print-config prints is a configuration with steps and annealing derived
// by the rule: 12 epochs of COCO's published 118,287 images.
func TestPrintConfig(t *testing.T) {
	text, err := output(t, "-config", large, "-print-config")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "printed.yaml")
	(&bench{t: t}).write(path, text)
	c, err := configs.ReadResolved(path)
	if err != nil {
		t.Fatal(err)
	}
	// u is a sixth of the steps, blocks start a u apart (docs/eomt.md section 3).
	if d := c.Derived; d.Steps != 88704 || d.StepsPerEpoch != 7392 || d.Images != 118287 || d.Classes != 133 || c.Train.Schedule.TotalSteps != 0 {
		t.Errorf("derived %+v; total_steps %d is written", d, c.Train.Schedule.TotalSteps)
	}
	want := train.Spans{Start: []int{14784, 29568, 44352, 59136}, End: []int{29568, 44352, 59136, 73920}}
	if diff := cmp.Diff(want, c.Derived.Annealing); diff != "" {
		t.Error(diff)
	}
	for _, line := range []string{"#   block 23: 0.0001", "#   block 0: 5.903e-07"} {
		if !strings.Contains(text, line) {
			t.Errorf("%q is not printed:\n%s", line, text)
		}
	}
}

// -print-params totals the backbone counts that docs/eomt.md's table states.
func TestPrintParams(t *testing.T) {
	for size, want := range map[string]string{
		"s": "22057344", "b": "86582016", "l": "304370688", "g": "1136483840",
	} {
		text, err := output(t, "-config", strings.Replace(large, "-l-", "-"+size+"-", 1), "-print-params")
		if err != nil {
			t.Fatal(err)
		}
		if line := "backbone as released (patch 14, 518 px): " + want + " parameters"; !strings.Contains(text, line) {
			t.Errorf("%s: the last lines are %q, want %q", size, text[max(0, len(text)-200):], line)
		}
	}
}

// -print-params shows what is frozen and every factor on the rate.
func TestPrintParamsOfFineTuning(t *testing.T) {
	text, err := output(t, "-config", strings.Replace(large, "-l-", "-s-", 1), "-print-params",
		"-set", "train.freeze=[embedding, blocks 0-10]", "-set", "train.multipliers={class_head: 5}")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range [][]string{
		{"backbone.cls_token", "frozen", "0"}, {"backbone.blocks.10.norm1.bias", "frozen", "0"},
		{"backbone.blocks.11.norm1.bias", "backbone", "0.0001"},
		{"class_head.weight", "head", "0.0005"}, {"mask_head.0.weight", "head", "0.0001"},
	} {
		found := false
		for line := range strings.Lines(text) {
			f := strings.Fields(line)
			found = found || f[0] == want[0] && f[len(f)-2] == want[1] && f[len(f)-1] == want[2]
		}
		if !found {
			t.Errorf("no line %v in\n%s", want, text)
		}
	}
	if !strings.Contains(text, "\ntrained 3536774 of 23975942 parameters (14.75 %)") {
		t.Error(text[max(0, len(text)-300):])
	}
}
