package safetensors

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"eomt/checkpoints/tensor"
)

// maxHeader is the format's own limit for the header's length in bytes.
const maxHeader = 100_000_000

// metadataKey is the one header entry that is not a tensor.
const metadataKey = "__metadata__"

// record is a tensor's entry in the header; End is exclusive, both offsets
// count from the end of the header.
type record struct {
	name       string
	dtype      tensor.DType
	shape      []int
	begin, end int64
}

// jsonRecord is record as the header states it; nil if a field is absent.
type jsonRecord struct {
	DType   *string   `json:"dtype"`
	Shape   *[]uint64 `json:"shape"`
	Offsets *[]uint64 `json:"data_offsets"`
}

// parseHeader reads the JSON header of a file with dataSize bytes behind it.
// Records come back in the order of their bytes, which they cover without a gap
// or an overlap.
func parseHeader(header []byte, dataSize int64) ([]record, map[string]string, error) {
	if len(header) == 0 || header[0] != '{' {
		return nil, nil, errors.New("the header does not begin with '{'")
	}
	decoder := json.NewDecoder(bytes.NewReader(header))
	decoder.DisallowUnknownFields()
	if _, err := decoder.Token(); err != nil {
		return nil, nil, fmt.Errorf("the header is not JSON: %w", err)
	}
	var records []record
	var metadata map[string]string
	seen := map[string]bool{}
	for decoder.More() {
		token, err := decoder.Token()
		if err != nil {
			return nil, nil, fmt.Errorf("the header is not JSON: %w", err)
		}
		name, _ := token.(string) // a key always is one
		if seen[name] {
			return nil, nil, fmt.Errorf("the header names %q twice", name)
		}
		seen[name] = true
		if name == metadataKey {
			if err := decoder.Decode(&metadata); err != nil {
				return nil, nil, fmt.Errorf("%s is not a table of strings: %w", metadataKey, err)
			}
			continue
		}
		var entry jsonRecord
		if err := decoder.Decode(&entry); err != nil {
			return nil, nil, fmt.Errorf("tensor %q: %w", name, err)
		}
		r, err := entry.check(name, dataSize)
		if err != nil {
			return nil, nil, fmt.Errorf("tensor %q: %w", name, err)
		}
		records = append(records, r)
	}
	if _, err := decoder.Token(); err != nil {
		return nil, nil, fmt.Errorf("the header is not JSON: %w", err)
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, nil, errors.New("the header has bytes after its closing '}'")
	}
	return records, metadata, checkCover(records, dataSize)
}

// check turns a header entry into a record whose bytes lie inside the file and
// are as many as its type and shape ask for.
func (j jsonRecord) check(name string, dataSize int64) (record, error) {
	if j.DType == nil || j.Shape == nil || j.Offsets == nil {
		return record{}, errors.New("dtype, shape or data_offsets is missing")
	}
	if len(*j.Offsets) != 2 {
		return record{}, fmt.Errorf("data_offsets has %d numbers, want 2", len(*j.Offsets))
	}
	begin, end := (*j.Offsets)[0], (*j.Offsets)[1]
	if begin > end || end > uint64(dataSize) {
		return record{}, fmt.Errorf("bytes %d to %d lie outside the file's %d bytes of data", begin, end, dataSize)
	}
	shape := make([]int, len(*j.Shape))
	for i, n := range *j.Shape {
		if n > math.MaxInt {
			return record{}, fmt.Errorf("dimension %d is larger than any file", n)
		}
		shape[i] = int(n)
	}
	r := record{name: name, dtype: tensor.DType(*j.DType), shape: shape, begin: int64(begin), end: int64(end)}
	size, err := tensor.ByteSize(r.dtype, shape)
	if err != nil {
		return record{}, err
	}
	if size != r.end-r.begin {
		return record{}, fmt.Errorf("%s %v needs %d bytes, data_offsets give %d", r.dtype, shape, size, r.end-r.begin)
	}
	return r, nil
}

// checkCover sorts records by offset and fails unless they cover [0, dataSize)
// one after the other.
func checkCover(records []record, dataSize int64) error {
	slices.SortStableFunc(records, func(a, b record) int {
		if a.begin != b.begin {
			return int(min(max(a.begin-b.begin, -1), 1))
		}
		return int(min(max(a.end-b.end, -1), 1))
	})
	var at int64
	for _, r := range records {
		if r.begin != at {
			return fmt.Errorf("tensor %q begins at byte %d of the data, want %d: gap or overlap", r.name, r.begin, at)
		}
		at = r.end
	}
	if at != dataSize {
		return fmt.Errorf("%d bytes of data, the header describes %d: file truncated or lengthened", dataSize, at)
	}
	return nil
}
