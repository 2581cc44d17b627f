// Package tensorboardtest reads event files as TensorBoard does, for tests.
package tensorboardtest

import (
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
)

// Event is what TensorBoard shows of one value.
type Event struct {
	Step  int
	Value float64 // of a scalar
	Image []byte  // PNG of an image
	W, H  int     // of an image
}

// Read returns the values of a folder by tag: the files in the order of their names,
// each up to a record that is cut off; where one says that a session starts at a step,
// what was read of that step and later ones is dropped.
func Read(t testing.TB, dir string) map[string][]Event {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "events.out.tfevents.*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no event files in %s: %v", dir, err)
	}
	all := map[string][]Event{}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for len(raw) >= 16 {
			n := binary.LittleEndian.Uint64(raw)
			if n > uint64(len(raw)-16) {
				break
			}
			add(all, fields(raw[12:12+n]))
			raw = raw[16+n:]
		}
	}
	return all
}

// add adds the values of one Event message.
func add(all map[string][]Event, event map[protowire.Number][][]byte) {
	step := 0
	for _, raw := range event[2] {
		step = int(varint(raw))
	}
	for _, session := range event[7] {
		if status := fields(session)[1]; len(status) > 0 && varint(status[0]) == 1 {
			for tag, events := range all {
				var kept []Event
				for _, e := range events {
					if e.Step < step {
						kept = append(kept, e)
					}
				}
				all[tag] = kept
			}
		}
	}
	for _, summary := range event[5] {
		for _, raw := range fields(summary)[1] {
			value := fields(raw)
			e := Event{Step: step}
			for _, simple := range value[2] {
				e.Value = float64(math.Float32frombits(binary.LittleEndian.Uint32(simple)))
			}
			for _, raw := range value[4] {
				image := fields(raw)
				e.H, e.W, e.Image = int(varint(image[1][0])), int(varint(image[2][0])), image[4][0]
			}
			tag := string(value[1][0])
			all[tag] = append(all[tag], e)
		}
	}
}

// fields are the raw values of a message: of a varint its bytes, of others the content.
func fields(message []byte) map[protowire.Number][][]byte {
	out := map[protowire.Number][][]byte{}
	for len(message) > 0 {
		number, kind, n := protowire.ConsumeTag(message)
		message = message[n:]
		length := protowire.ConsumeFieldValue(number, kind, message)
		value := message[:length]
		if kind == protowire.BytesType {
			value, _ = protowire.ConsumeBytes(message)
		}
		out[number] = append(out[number], value)
		message = message[length:]
	}
	return out
}

func varint(raw []byte) uint64 {
	v, _ := protowire.ConsumeVarint(raw)
	return v
}
