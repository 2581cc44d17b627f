package tensorboard

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// Records as tensorboard 2.21.0's own RecordWriter wrote them
// (Event(wall_time, step, summary | session_log).SerializeToString()).
func TestSameBytesAsTensorBoard(t *testing.T) {
	for _, c := range []struct {
		name, want string
		event      []byte
	}{
		{"scalars", "2a00000000000000ae8d91f509000000000000f83f10032a1d0a0b0a046c6f737315000020400a0e0a076c722f686561641517b7d1b84a278bb3",
			event(1.5, 3, summary([]Scalar{{"loss", 2.5}, {"lr/head", -1e-4}}))},
		{"restart", "11000000000000009d6db52e0900001000f0b3da411090bf053a02080167eada3c",
			event(1792000000.25, 90000, embed(eventSessionLog, protowire.AppendVarint(protowire.AppendTag(nil, sessionStatus, protowire.VarintType), sessionStart)))},
		{"image", "2e00000000000000c5cb57fa09000000000000024010072a210a1f0a0f76616c69646174696f6e2f30302d61220c080310051803220489504e47707e48cb",
			event(2.25, 7, embed(eventSummary, embed(summaryValue, imageValue(Image{"validation/00-a", []byte("\x89PNG"), 5, 3}))))},
	} {
		if got := hex.EncodeToString(record(c.event)); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
	}
}

// steps lists the steps of a file's events, after checking its frames.
func steps(t *testing.T, path string) (steps []uint64) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for len(data) > 0 {
		n := binary.LittleEndian.Uint64(data)
		message := data[12 : 12+n]
		if binary.LittleEndian.Uint32(data[8:]) != masked(data[:8]) || binary.LittleEndian.Uint32(data[12+n:]) != masked(message) {
			t.Fatalf("%s: checksum", path)
		}
		for len(message) > 0 {
			field, kind, tag := protowire.ConsumeTag(message)
			length := protowire.ConsumeFieldValue(field, kind, message[tag:])
			if field == eventStep {
				step, _ := protowire.ConsumeVarint(message[tag:])
				steps = append(steps, step)
			}
			message = message[tag+length:]
		}
		data = data[16+n:]
	}
	return steps
}

func TestResumeStartsAFileOfItsOwn(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tensorboard")
	for _, first := range []int{0, 11} {
		w, err := Open(dir, first)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Write(time.Unix(5, 0), first+10, []Scalar{{"loss", 1}}); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, "events.out.tfevents.*"))
	if err != nil || len(files) != 2 {
		t.Fatalf("files %v, %v; want two", files, err)
	}
	if got := steps(t, files[0]); len(got) != 3 || got[1] != 0 || got[2] != 10 {
		t.Errorf("first file has steps %v, want 0, 0, 10", got)
	}
	if got := steps(t, files[1]); len(got) != 3 || got[1] != 11 || got[2] != 21 {
		t.Errorf("second file has steps %v, want 0, 11, 21", got)
	}
}

// A run that was killed before its first checkpoint starts again at step 0: its new
// file says so, and hides what the first one holds.
func TestSecondStartHidesTheFirst(t *testing.T) {
	dir := t.TempDir()
	for range 2 {
		w, err := Open(dir, 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, "events.out.tfevents.*"))
	if err != nil || len(files) != 2 {
		t.Fatalf("files %v, %v; want two", files, err)
	}
	raw, err := os.ReadFile(files[1])
	if err != nil {
		t.Fatal(err)
	}
	start := protowire.AppendVarint(protowire.AppendTag(nil, sessionStatus, protowire.VarintType), sessionStart)
	if want := embed(eventSessionLog, start); !bytes.Contains(raw, want) {
		t.Errorf("% x has no session start % x", raw, want)
	}
}

func TestErrors(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(file, 0); err == nil || !strings.HasPrefix(err.Error(), "tensorboard: mkdir "+file) {
		t.Errorf("folder that is a file: %v", err)
	}
	w, err := Open(t.TempDir(), 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := w.Write(time.Now(), 1, nil); err == nil || !strings.Contains(err.Error(), "tensorboard: write ") {
		t.Errorf("closed file: %v", err)
	}
}
