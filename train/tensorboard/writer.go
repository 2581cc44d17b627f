package tensorboard

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"os"
	"path/filepath"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// Scalar is one value of a chart.
type Scalar struct {
	Tag   string // "group/name"
	Value float64
}

// Writer appends to an event file of its own. Every call reaches the file at once:
// a process that is killed leaves at most one record cut off, which readers skip.
type Writer struct{ file *os.File }

// Open starts an event file in the folder, which it makes. What other event files of
// the folder hold of steps from first on is no longer shown: a resumed run does those
// steps again.
func Open(dir string, first int) (*Writer, error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, fmt.Errorf("tensorboard: %w", err)
	}
	file, err := create(dir)
	if err != nil {
		return nil, fmt.Errorf("tensorboard: %w", err)
	}
	w := &Writer{file}
	version := protowire.AppendTag(nil, eventFileVersion, protowire.BytesType)
	if err := w.event(0, protowire.AppendString(version, "brain.Event:2")); err != nil {
		return nil, err
	}
	if first == 0 {
		return w, nil
	}
	start := protowire.AppendTag(nil, sessionStatus, protowire.VarintType)
	start = protowire.AppendVarint(start, sessionStart)
	return w, w.event(first, embed(eventSessionLog, start))
}

// create makes a file whose name no other has; TensorBoard reads them in the order of names.
func create(dir string) (*os.File, error) {
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	for now := time.Now().Unix(); ; now++ {
		name := fmt.Sprintf("events.out.tfevents.%010d.%s", now, filepath.Base(host))
		file, err := os.OpenFile(filepath.Join(dir, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		if !os.IsExist(err) {
			return file, err
		}
	}
}

// Write adds the values of one step.
func (w *Writer) Write(step int, values []Scalar) error {
	return w.event(step, summary(values))
}

// summary is the field of an Event that holds values.
func summary(values []Scalar) []byte {
	var summary []byte
	for _, v := range values {
		value := protowire.AppendTag(nil, valueTag, protowire.BytesType)
		value = protowire.AppendString(value, v.Tag)
		value = protowire.AppendTag(value, valueSimple, protowire.Fixed32Type)
		value = protowire.AppendFixed32(value, math.Float32bits(float32(v.Value)))
		summary = append(summary, embed(summaryValue, value)...)
	}
	return embed(eventSummary, summary)
}

// Close closes the file.
func (w *Writer) Close() error { return w.file.Close() }

// The field numbers of tensorflow/core/util/event.proto and summary.proto.
const (
	eventWallTime    protowire.Number = 1
	eventStep        protowire.Number = 2
	eventFileVersion protowire.Number = 3
	eventSummary     protowire.Number = 5
	eventSessionLog  protowire.Number = 7
	summaryValue     protowire.Number = 1
	valueTag         protowire.Number = 1
	valueSimple      protowire.Number = 2
	sessionStatus    protowire.Number = 1

	sessionStart = 1
)

func embed(field protowire.Number, message []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(nil, field, protowire.BytesType), message)
}

// event writes one Event with what is given of it besides time and step.
func (w *Writer) event(step int, what []byte) error {
	now := float64(time.Now().UnixMicro()) / 1e6
	if _, err := w.file.Write(record(event(now, step, what))); err != nil {
		return fmt.Errorf("tensorboard: %w", err)
	}
	return nil
}

func event(wallTime float64, step int, what []byte) []byte {
	e := protowire.AppendTag(nil, eventWallTime, protowire.Fixed64Type)
	e = protowire.AppendFixed64(e, math.Float64bits(wallTime))
	e = protowire.AppendTag(e, eventStep, protowire.VarintType)
	e = protowire.AppendVarint(e, uint64(step))
	return append(e, what...)
}

// record frames data as a TFRecord: length, its checksum, data, its checksum.
func record(data []byte) []byte {
	r := binary.LittleEndian.AppendUint64(nil, uint64(len(data)))
	r = binary.LittleEndian.AppendUint32(r, masked(r))
	r = append(r, data...)
	return binary.LittleEndian.AppendUint32(r, masked(data))
}

// masked is TFRecord's form of CRC-32C.
func masked(data []byte) uint32 {
	crc := crc32.Checksum(data, castagnoli)
	return (crc>>15 | crc<<17) + 0xa282ead8
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)
