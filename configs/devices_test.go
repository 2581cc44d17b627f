package configs

import (
	"strings"
	"testing"
)

func TestDevices(t *testing.T) {
	for given, want := range map[string]string{"all": "all", "4": "4", "[2, 0]": "[2, 0]"} {
		c, err := Read(file(t, sound), "train.devices="+given)
		if err != nil || string(c.Train.Devices.Devices) != want {
			t.Errorf("%s: %q, %v", given, c.Train.Devices.Devices, err)
			continue
		}
		var text strings.Builder
		if err := c.Write(&text); err != nil || !strings.Contains(text.String(), "devices: "+want+"\n") {
			t.Errorf("%s: written as %s (%v)", given, text.String(), err)
		}
	}
	for _, given := range []string{"0", "-1", "some", "[]", "[0, 0]", "[a]", "{a: 1}", "1.5"} {
		_, err := Read(file(t, sound), "train.devices="+given)
		if err == nil || !strings.Contains(err.Error(), "train.devices="+given+": want all, a number of devices, or a list of device numbers, got ") {
			t.Errorf("%s: %v", given, err)
		}
	}
}
