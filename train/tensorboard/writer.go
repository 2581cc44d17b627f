package tensorboard

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"os"
	"path/filepath"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"eomt/internal/appendfile"
)

// Scalar is one value of a chart.
type Scalar struct {
	Tag   string // "group/name"
	Value float64
}

// Image is a picture.
type Image struct {
	Tag  string // "group/name"
	PNG  []byte
	W, H int // pixels
}

// Writer appends to its own event file. Every call writes through to the file: a
// killed process leaves at most one incomplete record, which readers skip. A call that
// fails leaves nothing and may be repeated.
type Writer struct{ file *appendfile.File }

// Open starts an event file in the folder, which it creates. Steps from first on in
// the folder's other event files are no longer shown: a resumed run repeats them, and
// one that was killed before its first checkpoint restarts at 0.
func Open(dir string, first int) (*Writer, error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, fmt.Errorf("tensorboard: %w", err)
	}
	created, err := create(dir)
	if err != nil {
		return nil, fmt.Errorf("tensorboard: %w", err)
	}
	w := &Writer{appendfile.New(created)}
	now := time.Now()
	version := protowire.AppendTag(nil, eventFileVersion, protowire.BytesType)
	start := protowire.AppendTag(nil, sessionStatus, protowire.VarintType)
	start = protowire.AppendVarint(start, sessionStart)
	err = w.event(now, 0, protowire.AppendString(version, "brain.Event:2"))
	if err == nil {
		err = w.event(now, first, embed(eventSessionLog, start))
	}
	if err != nil {
		return nil, errors.Join(err, w.Close(), os.Remove(created.Name()))
	}
	return w, nil
}

// create creates a file under a free name. TensorBoard reads the files in the order of names.
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

// Write adds the values of one step, finished at the given time.
func (w *Writer) Write(at time.Time, step int, values []Scalar) error {
	return w.event(at, step, summary(values))
}

// WriteImages adds the pictures of one step, made at the given time.
func (w *Writer) WriteImages(at time.Time, step int, images []Image) error {
	var summary []byte
	for _, i := range images {
		summary = append(summary, embed(summaryValue, imageValue(i))...)
	}
	return w.event(at, step, embed(eventSummary, summary))
}

// imageValue is the Summary.Value of a picture.
func imageValue(i Image) []byte {
	picture := protowire.AppendVarint(protowire.AppendTag(nil, imageHeight, protowire.VarintType), uint64(i.H))
	picture = protowire.AppendVarint(protowire.AppendTag(picture, imageWidth, protowire.VarintType), uint64(i.W))
	picture = protowire.AppendVarint(protowire.AppendTag(picture, imageColorspace, protowire.VarintType), colorspaceRGB)
	picture = append(picture, embed(imageEncoded, i.PNG)...)
	value := protowire.AppendString(protowire.AppendTag(nil, valueTag, protowire.BytesType), i.Tag)
	return append(value, embed(valueImage, picture)...)
}

// Sync forces what was written to disk.
func (w *Writer) Sync() error {
	if err := w.file.Sync(); err != nil {
		return fmt.Errorf("tensorboard: %w", err)
	}
	return nil
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
	valueImage       protowire.Number = 4
	imageHeight      protowire.Number = 1
	imageWidth       protowire.Number = 2
	imageColorspace  protowire.Number = 3
	imageEncoded     protowire.Number = 4
	sessionStatus    protowire.Number = 1

	sessionStart  = 1
	colorspaceRGB = 3
)

func embed(field protowire.Number, message []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(nil, field, protowire.BytesType), message)
}

// event writes one Event: time, step and the encoded field `what`.
func (w *Writer) event(at time.Time, step int, what []byte) error {
	if err := w.file.Append(record(event(float64(at.UnixMicro())/1e6, step, what))); err != nil {
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
