package train

import (
	"fmt"
	"strings"
	"testing"
)

func TestChooseDevices(t *testing.T) {
	for _, test := range []struct {
		devices       Devices
		there, images int
		processor     bool
		want          string
	}{
		{"all", 4, 8, false, "[0 1 2 3]"},
		{"all", 8, 12, false, "[0 1 2 3 4 5]"}, // the most that divide 12 images
		{"all", 8, 4, false, "[0 1 2 3]"},
		{"all", 4, 8, true, "[0]"},
		{"2", 4, 8, true, "[0 1]"},
		{"[3, 1]", 4, 8, false, "[3 1]"},
		{"8", 4, 8, false, "train.devices 8: the backend has 4"},
		{"[5]", 4, 8, false, "train.devices [5]: the backend has 4"},
		{"3", 4, 8, false, "8 images at once (data.batch in train.accumulate shares) cannot be split over 3 devices equally"},
	} {
		list, err := test.devices.Choose(test.there, test.images, test.processor)
		if got := fmt.Sprint(list, err); !strings.Contains(got, test.want) {
			t.Errorf("%+v: %s", test, got)
		}
	}
}
