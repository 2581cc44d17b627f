package safetensors

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"eomt/checkpoints/tensor"
)

// Write streams tensors to w as a safetensors file, one tensor in memory at a
// time. They are stored with larger element types first and then by name, which
// keeps every one aligned and makes equal contents equal files. Metadata may be
// nil; transformers wants {"format": "pt"} there. Two tensors of one name are
// an error, found before anything is written.
func Write(w io.Writer, tensors []tensor.Tensor, metadata map[string]string) error {
	ordered := slices.SortedFunc(slices.Values(tensors), func(a, b tensor.Tensor) int {
		return cmp.Or(cmp.Compare(b.DType.Size(), a.DType.Size()), strings.Compare(a.Name, b.Name))
	})
	header, err := encodeHeader(ordered, metadata)
	if err != nil {
		return fmt.Errorf("safetensors: write: %w", err)
	}
	if _, err := w.Write(header); err != nil {
		return fmt.Errorf("safetensors: write header: %w", err)
	}
	for _, t := range ordered {
		data, err := t.Bytes()
		if err != nil {
			return fmt.Errorf("safetensors: write: %w", err)
		}
		if _, err := w.Write(data); err != nil {
			return fmt.Errorf("safetensors: write tensor %s: %w", t.Name, err)
		}
	}
	return nil
}

// encodeHeader is the length prefix and the header, padded with blanks to a
// multiple of eight bytes.
func encodeHeader(ordered []tensor.Tensor, metadata map[string]string) ([]byte, error) {
	var b bytes.Buffer
	b.Write(make([]byte, 8))
	b.WriteByte('{')
	if len(metadata) > 0 {
		b.WriteString(`"` + metadataKey + `":`)
		if err := writeJSON(&b, metadata); err != nil {
			return nil, err
		}
	}
	seen := map[string]bool{metadataKey: true}
	var at int64
	for _, t := range ordered {
		if seen[t.Name] {
			return nil, fmt.Errorf("two tensors are named %q", t.Name)
		}
		seen[t.Name] = true
		size, err := tensor.ByteSize(t.DType, t.Shape)
		if err != nil {
			return nil, fmt.Errorf("%w (tensor %s)", err, t.Name)
		}
		if b.Len() > 9 {
			b.WriteByte(',')
		}
		if err := writeJSON(&b, t.Name); err != nil {
			return nil, err
		}
		b.WriteByte(':')
		shape := t.Shape
		if shape == nil {
			shape = []int{}
		}
		entry := struct {
			DType   tensor.DType `json:"dtype"`
			Shape   []int        `json:"shape"`
			Offsets [2]int64     `json:"data_offsets"`
		}{t.DType, shape, [2]int64{at, at + size}}
		if err := writeJSON(&b, entry); err != nil {
			return nil, err
		}
		at += size
	}
	b.WriteByte('}')
	for b.Len()%8 != 0 {
		b.WriteByte(' ')
	}
	binary.LittleEndian.PutUint64(b.Bytes(), uint64(b.Len()-8))
	return b.Bytes(), nil
}

func writeJSON(b *bytes.Buffer, value any) error {
	text, err := json.Marshal(value)
	b.Write(text)
	return err
}
