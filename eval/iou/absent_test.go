package iou

import (
	"testing"

	"eomt/data/ade20k"
	"eomt/data/cityscapes"
)

func TestAbsentOf(t *testing.T) {
	if AbsentOf(ade20k.Format) != AbsentZero || AbsentOf(cityscapes.Format) != AbsentSkipped {
		t.Error("the rules of the official evaluations are exchanged")
	}
}
