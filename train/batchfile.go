package train

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"strconv"

	"eomt/checkpoints/safetensors"
	"eomt/checkpoints/tensor"
	"eomt/data"
	"eomt/internal/atomicfile"
)

// writeBatch writes a batch as a safetensors file: images [B, H, W, 3], masks
// [B, H, W, words], classes and valid [B, M], the rest as metadata.
func writeBatch(path string, b *data.Batch) error {
	names, err := json.Marshal(b.Names)
	if err != nil {
		return err
	}
	masks, classes, valid := make([]byte, 0, 4*len(b.Masks)), make([]byte, 0, 4*len(b.Classes)), make([]byte, len(b.Valid))
	for _, w := range b.Masks {
		masks = binary.LittleEndian.AppendUint32(masks, w)
	}
	for _, c := range b.Classes {
		classes = binary.LittleEndian.AppendUint32(classes, uint32(c))
	}
	for i, v := range b.Valid {
		if v {
			valid[i] = 1
		}
	}
	var all []tensor.Tensor
	for _, t := range []struct {
		name  string
		dtype tensor.DType
		shape []int
		raw   []byte
	}{
		{"images", tensor.Uint8, []int{b.B, b.H, b.W, 3}, b.Images},
		{"masks", tensor.Uint32, []int{b.B, b.H, b.W, len(b.Masks) / (b.B * b.H * b.W)}, masks},
		{"classes", tensor.Int32, []int{b.B, b.M}, classes},
		{"valid", tensor.Bool, []int{b.B, b.M}, valid},
	} {
		one, err := tensor.New(t.name, t.dtype, t.shape, t.raw)
		if err != nil {
			return err
		}
		all = append(all, one)
	}
	about := map[string]string{"names": string(names), "step": strconv.Itoa(b.Step), "epoch": strconv.Itoa(b.Epoch)}
	return atomicfile.Write(path, func(w io.Writer) error { return safetensors.Write(w, all, about) })
}

// ReadCapturedBatch reads the batch of a folder that a [NonFiniteError] names.
func ReadCapturedBatch(dir string) (*data.Batch, error) {
	path := filepath.Join(dir, capturedBatch)
	file, err := safetensors.Open(path)
	if err != nil {
		return nil, fmt.Errorf("train: captured batch: %w", err)
	}
	defer file.Close()
	b, err := parseBatch(tensor.ByName(file.Tensors), file.Metadata)
	if err != nil {
		return nil, fmt.Errorf("train: captured batch %s: %w", path, err)
	}
	return b, nil
}

func parseBatch(all map[string]tensor.Tensor, about map[string]string) (*data.Batch, error) {
	raw := map[string][]byte{}
	for _, want := range []struct {
		name  string
		dtype tensor.DType
		rank  int
	}{{"images", tensor.Uint8, 4}, {"masks", tensor.Uint32, 4}, {"classes", tensor.Int32, 2}, {"valid", tensor.Bool, 2}} {
		t, ok := all[want.name]
		if !ok || t.DType != want.dtype || len(t.Shape) != want.rank {
			return nil, fmt.Errorf("want a tensor %s of %s with %d axes", want.name, want.dtype, want.rank)
		}
		var err error
		if raw[want.name], err = t.Bytes(); err != nil {
			return nil, err
		}
	}
	images, masks, classes := all["images"].Shape, all["masks"].Shape, all["classes"].Shape
	b := &data.Batch{B: images[0], H: images[1], W: images[2], M: classes[1], Images: raw["images"]}
	if b.B < 1 || b.M < 1 || images[3] != 3 || masks[0] != b.B || masks[1] != b.H || masks[2] != b.W || masks[3] != (b.M+31)/32 ||
		classes[0] != b.B || len(raw["valid"]) != b.B*b.M {
		return nil, fmt.Errorf("images %v, masks %v, classes %v and valid %v are not of one batch", images, masks, classes, all["valid"].Shape)
	}
	for at := 0; at < len(raw["masks"]); at += 4 {
		b.Masks = append(b.Masks, binary.LittleEndian.Uint32(raw["masks"][at:]))
	}
	for at := 0; at < len(raw["classes"]); at += 4 {
		b.Classes = append(b.Classes, int32(binary.LittleEndian.Uint32(raw["classes"][at:])))
	}
	for _, v := range raw["valid"] {
		b.Valid = append(b.Valid, v != 0)
	}
	if err := json.Unmarshal([]byte(about["names"]), &b.Names); err != nil || len(b.Names) != b.B {
		return nil, fmt.Errorf("want the names of %d images as a JSON list, got %q", b.B, about["names"])
	}
	var err error
	if b.Step, err = strconv.Atoi(about["step"]); err == nil {
		b.Epoch, err = strconv.Atoi(about["epoch"])
	}
	return b, err
}
