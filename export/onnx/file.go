package onnx

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/gomlx/compute-onnx/support/protos"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"eomt/internal/atomicfile"
)

// largestFile is the most bytes of initialisers in one file: a protobuf message ends
// at 2 GiB.
const largestFile = 1_900_000_000

// DataSuffix is what the name of a file's second file ends in.
const DataSuffix = ".data"

// inlineBytes is the size from which an initialiser moves to the second file, and
// pageBytes what its offset there is a multiple of, so that it can be mapped.
const (
	inlineBytes = 1 << 10
	pageBytes   = 1 << 12
)

// The field numbers of onnx.proto that are written by hand.
const (
	modelGraph       = 7
	graphInitialiser = 5
	tensorRawData    = 9
)

// write writes the file at path, with a second one where the initialisers take more
// than limit bytes.
func (g *graph) write(path string, metadata map[string]string, limit int64) error {
	data := path + DataSuffix
	if err := errors.Join(absent(path), absent(data)); err != nil {
		return err
	}
	total := int64(0)
	for _, i := range g.initialisers {
		total += i.bytes
	}
	offsets := map[string]int64{}
	if total > limit {
		if err := atomicfile.Write(data, func(w io.Writer) error { return g.writeData(w, offsets) }); err != nil {
			return err
		}
	}
	err := atomicfile.Write(path, func(w io.Writer) error { return g.writeModel(w, metadata, filepath.Base(data), offsets) })
	if err != nil && len(offsets) > 0 {
		err = errors.Join(err, os.Remove(data))
	}
	return err
}

func absent(path string) error {
	_, err := os.Stat(path)
	if err == nil {
		return fmt.Errorf("%s already exists; choose another path", path)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// writeData writes the large initialisers one after the other and notes where.
func (g *graph) writeData(w io.Writer, offsets map[string]int64) error {
	at := int64(0)
	padding := make([]byte, pageBytes)
	for _, i := range g.initialisers {
		if i.bytes < inlineBytes {
			continue
		}
		fill := -at & (pageBytes - 1)
		if _, err := w.Write(padding[:fill]); err != nil {
			return err
		}
		at += fill
		offsets[i.name] = at
		if err := i.writeTo(w); err != nil {
			return err
		}
		at += i.bytes
	}
	return nil
}

// writeTo writes the bytes of i.
func (i initialiser) writeTo(w io.Writer) error {
	raw, err := i.load()
	if err != nil {
		return fmt.Errorf("initialiser %s: %w", i.name, err)
	}
	if int64(len(raw)) != i.bytes {
		return fmt.Errorf("initialiser %s has %d bytes, its shape %v needs %d", i.name, len(raw), i.shape, i.bytes)
	}
	_, err = w.Write(raw)
	return err
}

// writeModel writes the protobuf message. The lengths of its parts are computed first,
// so that the initialisers are read one at a time.
func (g *graph) writeModel(w io.Writer, metadata map[string]string, data string, offsets map[string]int64) error {
	head, err := proto.MarshalOptions{Deterministic: true}.Marshal(g.model(metadata))
	if err != nil {
		return err
	}
	body, err := proto.MarshalOptions{Deterministic: true}.Marshal(g.body())
	if err != nil {
		return err
	}
	length := len(body)
	protoHeads := make([][]byte, len(g.initialisers))
	for k, i := range g.initialisers {
		if protoHeads[k], err = i.head(data, offsets); err != nil {
			return err
		}
		length += len(protoHeads[k])
		if _, outside := offsets[i.name]; !outside {
			length += int(i.bytes)
		}
	}
	head = protowire.AppendTag(head, modelGraph, protowire.BytesType)
	head = protowire.AppendVarint(head, uint64(length))
	if _, err := w.Write(append(head, body...)); err != nil {
		return err
	}
	for k, i := range g.initialisers {
		if _, err := w.Write(protoHeads[k]); err != nil {
			return err
		}
		if _, outside := offsets[i.name]; outside {
			continue
		}
		if err := i.writeTo(w); err != nil {
			return err
		}
	}
	return nil
}

// head is the message of i up to its bytes, which follow where they are in this file.
func (i initialiser) head(data string, offsets map[string]int64) ([]byte, error) {
	t := &protos.TensorProto{Name: i.name, DataType: int32(i.dtype)}
	for _, d := range i.shape {
		t.Dims = append(t.Dims, int64(d))
	}
	at, outside := offsets[i.name]
	if outside {
		t.DataLocation = protos.TensorProto_EXTERNAL
		t.ExternalData = []*protos.StringStringEntryProto{
			{Key: "location", Value: data},
			{Key: "offset", Value: strconv.FormatInt(at, 10)},
			{Key: "length", Value: strconv.FormatInt(i.bytes, 10)},
		}
	}
	message, err := proto.MarshalOptions{Deterministic: true}.Marshal(t)
	if err != nil {
		return nil, err
	}
	length := len(message)
	if !outside {
		message = protowire.AppendTag(message, tensorRawData, protowire.BytesType)
		message = protowire.AppendVarint(message, uint64(i.bytes))
		length = len(message) + int(i.bytes)
	}
	head := protowire.AppendTag(nil, graphInitialiser, protowire.BytesType)
	head = protowire.AppendVarint(head, uint64(length))
	return append(head, message...), nil
}

// model is the outer message without its graph.
func (g *graph) model(metadata map[string]string) *protos.ModelProto {
	irVersion := map[int]int64{17: 8, 20: 9} // that came with the opset
	m := &protos.ModelProto{IrVersion: irVersion[g.o.Opset], ProducerName: "eomt", ProducerVersion: g.network.Commit,
		OpsetImport: []*protos.OperatorSetIdProto{{Version: int64(g.o.Opset)}}}
	if slices.ContainsFunc(g.nodes, func(n *protos.NodeProto) bool { return n.Domain == contribDomain }) {
		m.OpsetImport = append(m.OpsetImport, &protos.OperatorSetIdProto{Domain: contribDomain, Version: 1})
	}
	for _, key := range slices.Sorted(maps.Keys(metadata)) {
		m.MetadataProps = append(m.MetadataProps, &protos.StringStringEntryProto{Key: key, Value: metadata[key]})
	}
	return m
}

// body is the graph without its initialisers.
func (g *graph) body() *protos.GraphProto {
	input := protos.TensorProto_FLOAT
	if g.o.Input == Uint8 {
		input = protos.TensorProto_UINT8
	}
	return &protos.GraphProto{
		Name: "eomt", Node: g.nodes,
		Input: []*protos.ValueInfoProto{valueInfo(PixelValues, input, 3, g.ImageH(), g.ImageW())},
		Output: []*protos.ValueInfoProto{
			valueInfo(ClassLogits, protos.TensorProto_FLOAT, g.Queries, g.Classes+1),
			valueInfo(MaskLogits, protos.TensorProto_FLOAT, g.Queries, g.MaskH(), g.MaskW()),
		},
	}
}

// valueInfo describes an input or output [batch, dims...].
func valueInfo(name string, dtype protos.TensorProto_DataType, dims ...int) *protos.ValueInfoProto {
	shape := &protos.TensorShapeProto{Dim: []*protos.TensorShapeProto_Dimension{
		{Value: &protos.TensorShapeProto_Dimension_DimParam{DimParam: "batch"}}}}
	for _, d := range dims {
		shape.Dim = append(shape.Dim, &protos.TensorShapeProto_Dimension{Value: &protos.TensorShapeProto_Dimension_DimValue{DimValue: int64(d)}})
	}
	return &protos.ValueInfoProto{Name: name, Type: &protos.TypeProto{Value: &protos.TypeProto_TensorType{
		TensorType: &protos.TypeProto_Tensor{ElemType: int32(dtype), Shape: shape}}}}
}
