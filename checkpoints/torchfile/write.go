package torchfile

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"math"

	"eomt/checkpoints/tensor"
)

// alignment is where torch.save starts each storage, so that it can be mapped.
const alignment = 64

// folder is the archive's top folder; torch.load takes any name.
const folder = "archive/"

// Write streams tensors to w as torch.save would write a dict of them, one
// tensor in memory at a time; torch.load(weights_only=True) reads the file.
// Every tensor gets its own storage. An element type without a torch storage class
// and duplicate names are errors.
func Write(w io.Writer, tensors []tensor.Tensor) error {
	program, err := pickle(tensors)
	if err != nil {
		return fmt.Errorf("torchfile: write: %w", err)
	}
	counted := &countingWriter{out: w}
	archive := zip.NewWriter(counted)
	put := func(name string, data []byte) error {
		if err := archive.Flush(); err != nil {
			return err
		}
		header := &zip.FileHeader{
			Name: folder + name, Method: zip.Store, CRC32: crc32.ChecksumIEEE(data),
			CompressedSize64: uint64(len(data)), UncompressedSize64: uint64(len(data)),
		}
		header.Extra = padding(counted.count, len(header.Name))
		entry, err := archive.CreateRaw(header)
		if err != nil {
			return err
		}
		_, err = entry.Write(data)
		return err
	}
	for _, fixed := range []struct{ name, content string }{
		{"data.pkl", string(program)}, {"byteorder", "little"}, {"version", "3\n"},
	} {
		if err := put(fixed.name, []byte(fixed.content)); err != nil {
			return fmt.Errorf("torchfile: write %s: %w", fixed.name, err)
		}
	}
	for i, t := range tensors {
		data, err := t.Bytes()
		if err == nil {
			err = put(fmt.Sprint("data/", i), data)
		}
		if err != nil {
			return fmt.Errorf("torchfile: write tensor %s: %w", t.Name, err)
		}
	}
	if err := archive.Close(); err != nil {
		return fmt.Errorf("torchfile: write: %w", err)
	}
	return nil
}

// padding is an extra field that makes the data behind a local header, which
// starts at byte at, begin on a multiple of alignment.
func padding(at int64, nameLength int) []byte {
	const localHeader, fieldHeader = 30, 4
	unpadded := at + localHeader + int64(nameLength) + fieldHeader
	fill := (alignment - unpadded%alignment) % alignment
	extra := binary.LittleEndian.AppendUint16([]byte("FB"), uint16(fill))
	return append(extra, bytes.Repeat([]byte("Z"), int(fill))...)
}

// pickle is the program that builds the dict, with tensor i in storage i.
func pickle(tensors []tensor.Tensor) ([]byte, error) {
	classes := map[tensor.DType]string{}
	for class, dtype := range storageTypes {
		classes[dtype] = class
	}
	p := &pickler{}
	p.op("\x80\x02}(") // PROTO 2, EMPTY_DICT, MARK
	seen := map[string]bool{}
	for i, t := range tensors {
		class, ok := classes[t.DType]
		if !ok {
			return nil, fmt.Errorf("torch has no storage for %s (tensor %s)", t.DType, t.Name)
		}
		if seen[t.Name] {
			return nil, fmt.Errorf("two tensors are named %q", t.Name)
		}
		seen[t.Name] = true
		p.text(t.Name)
		p.global("torch._utils _rebuild_tensor_v2")
		p.op("((")
		p.text("storage")
		p.global(class)
		p.text(fmt.Sprint(i))
		p.text("cpu")
		p.integer(t.Elements())
		p.op("tQ") // TUPLE, BINPERSID
		p.integer(0)
		p.integers(t.Shape)
		p.integers(rowMajor(t.Shape))
		p.op("\x89") // NEWFALSE: requires_grad
		p.global("collections OrderedDict")
		p.op(")RtR") // no hooks; TUPLE, REDUCE
	}
	p.op("u.") // SETITEMS, STOP
	return p.Bytes(), nil
}

// rowMajor is the strides of a contiguous tensor, in elements.
func rowMajor(shape []int) []int {
	strides := make([]int, len(shape))
	stride := 1
	for i := len(shape) - 1; i >= 0; i-- {
		strides[i] = stride
		stride *= max(shape[i], 1)
	}
	return strides
}

// pickler appends instructions.
type pickler struct{ bytes.Buffer }

func (p *pickler) op(code string) { p.WriteString(code) }

func (p *pickler) text(s string) {
	p.WriteByte('X')
	p.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(s))))
	p.WriteString(s)
}

// global names "module class".
func (p *pickler) global(name string) {
	module, class, _ := bytes.Cut([]byte(name), []byte(" "))
	fmt.Fprintf(p, "c%s\n%s\n", module, class)
}

func (p *pickler) integer(n int64) {
	if n <= math.MaxInt32 {
		p.WriteByte('J')
		p.Write(binary.LittleEndian.AppendUint32(nil, uint32(n)))
		return
	}
	p.op("\x8a\x08") // LONG1 of eight bytes
	p.Write(binary.LittleEndian.AppendUint64(nil, uint64(n)))
}

func (p *pickler) integers(numbers []int) {
	p.WriteByte('(')
	for _, n := range numbers {
		p.integer(int64(n))
	}
	p.WriteByte('t')
}

// countingWriter knows how many bytes went through it.
type countingWriter struct {
	out   io.Writer
	count int64
}

func (c *countingWriter) Write(b []byte) (int, error) {
	n, err := c.out.Write(b)
	c.count += int64(n)
	return n, err
}
