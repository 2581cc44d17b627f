package safetensors

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"eomt/checkpoints/tensor"
)

// raw is a file of the given header and as many zero bytes of data.
func raw(header string, data int) []byte {
	file := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(file, header...), make([]byte, data)...)
}

func parse(file []byte) (*File, error) {
	return read(bytes.NewReader(file), int64(len(file)), "test")
}

func TestRoundTrip(t *testing.T) {
	types := []tensor.DType{tensor.Bool, tensor.Int8, tensor.Uint16, tensor.Int64, tensor.Float16, tensor.BFloat16, tensor.Float32, tensor.Float64}
	rapid.Check(t, func(rt *rapid.T) {
		var tensors []tensor.Tensor
		names := rapid.SliceOfNDistinct(rapid.String(), 0, 6, rapid.ID).Draw(rt, "names")
		for _, name := range names {
			name = strings.ToValidUTF8(name, "?")
			dtype := rapid.SampledFrom(types).Draw(rt, "type")
			shape := rapid.SliceOfN(rapid.IntRange(0, 4), 0, 4).Draw(rt, "shape")
			size, _ := tensor.ByteSize(dtype, shape)
			data := rapid.SliceOfN(rapid.Byte(), int(size), int(size)).Draw(rt, "data")
			one, err := tensor.New(name, dtype, shape, data)
			if err != nil {
				rt.Fatal(err)
			}
			tensors = append(tensors, one)
		}
		metadata := rapid.MapOf(rapid.StringMatching("[a-z]+"), rapid.StringMatching(".*")).Draw(rt, "metadata")
		var file bytes.Buffer
		if err := Write(&file, tensors, metadata); err != nil {
			rt.Fatal(err)
		}
		got, err := parse(file.Bytes())
		if err != nil {
			rt.Fatal(err)
		}
		if len(got.Metadata)+len(metadata) > 0 && !cmp.Equal(got.Metadata, metadata) {
			rt.Errorf("metadata %v, want %v", got.Metadata, metadata)
		}
		index := tensor.ByName(got.Tensors)
		if len(index) != len(tensors) {
			rt.Fatalf("%d tensors, want %d", len(index), len(tensors))
		}
		for _, want := range tensors {
			one := index[want.Name]
			a, errA := want.Bytes()
			b, errB := one.Bytes()
			if one.String() != want.String() || !bytes.Equal(a, b) || errA != nil || errB != nil {
				rt.Errorf("%v came back as %v (%v, %v)", want, one, errA, errB)
			}
		}
		var again bytes.Buffer
		if err := Write(&again, got.Tensors, got.Metadata); err != nil || !bytes.Equal(file.Bytes(), again.Bytes()) {
			rt.Errorf("written again the file differs (%v)", err)
		}
	})
}

func TestHostileHeaders(t *testing.T) {
	huge := binary.LittleEndian.AppendUint64(nil, 1<<60)
	for _, c := range []struct {
		name, want string
		file       []byte
	}{
		{"empty", "too few", nil},
		{"no header", "not a safetensors file", append(huge, '{')},
		{"negative length", "not a safetensors file", bytes.Repeat([]byte{0xff}, 64)},
		{"header of nothing", "begin with '{'", make([]byte, 8)},
		{"not JSON", "not JSON", raw(`{!`, 0)},
		{"cut JSON", `tensor "a"`, raw(`{"a"`, 0)},
		{"array", "begin with '{'", raw(`[1]`, 0)},
		{"text after", "bytes after its closing", raw(`{}{}`, 0)},
		{"undescribed data", "truncated or lengthened", raw(`{}`, 4)},
		{"same name twice", "twice", raw(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}`, 2)},
		{"past the end", "outside", raw(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`, 4)},
		{"end before begin", "outside", raw(`{"a":{"dtype":"F32","shape":[0],"data_offsets":[4,0]}}`, 4)},
		{"offset 2^60", "outside", raw(`{"a":{"dtype":"U8","shape":[1152921504606846976],"data_offsets":[0,1152921504606846976]}}`, 4)},
		{"offset 2^64-1", "outside", raw(`{"a":{"dtype":"U8","shape":[4],"data_offsets":[18446744073709551615,18446744073709551615]}}`, 4)},
		{"dimension 2^64-1", "larger than any file", raw(`{"a":{"dtype":"U8","shape":[18446744073709551615],"data_offsets":[0,4]}}`, 4)},
		{"product overflows", "larger than any file", raw(`{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}`, 0)},
		{"product wraps to zero", "larger than any file", raw(`{"a":{"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,0]}}`, 0)},
		{"negative dimension", "shape", raw(`{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}`, 4)},
		{"fraction", "shape", raw(`{"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}}`, 4)},
		{"shape and bytes disagree", "needs 12 bytes", raw(`{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,4]}}`, 4)},
		{"three offsets", "want 2", raw(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1,2]}}`, 1)},
		{"no dtype", "missing", raw(`{"a":{"shape":[1],"data_offsets":[0,1]}}`, 1)},
		{"null entry", "missing", raw(`{"a":null}`, 0)},
		{"unknown dtype", `"F9" is not supported`, raw(`{"a":{"dtype":"F9","shape":[1],"data_offsets":[0,1]}}`, 1)},
		{"unknown field", "unknown field", raw(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"x":1}}`, 1)},
		{"overlap", "gap or overlap", raw(`{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}`, 3)},
		{"gap", "gap or overlap", raw(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}}`, 3)},
		{"metadata of numbers", "table of strings", raw(`{"__metadata__":{"a":1}}`, 0)},
		{"deep nesting", "", raw(`{"a":`+strings.Repeat("[", 100_000), 0)},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := parse(c.file)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
}

// TestHostileClaimsAllocateNothing holds that a claimed size is checked before memory is taken for it.
func TestHostileClaimsAllocateNothing(t *testing.T) {
	file := raw(`{"a":{"dtype":"U8","shape":[1099511627776],"data_offsets":[0,1099511627776]}}`, 4)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := parse(file); err == nil {
		t.Fatal("a terabyte in a file of 100 bytes was believed")
	}
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 1<<20 {
		t.Errorf("%d bytes allocated for a hostile header", grown)
	}
}

func TestOpenNamesTheFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "bad.safetensors")
	if err := os.WriteFile(path, []byte("bad"), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{path, filepath.Join(dir, "absent.safetensors"), dir} {
		if _, err := Open(p); err == nil || !strings.Contains(err.Error(), p) {
			t.Errorf("Open(%s): %v", p, err)
		}
	}
}

func TestFileCutAfterOpening(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.safetensors")
	if err := os.WriteFile(path, raw(`{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}`, 4), 0o666); err != nil {
		t.Fatal(err)
	}
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, 10); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Tensors[0].Bytes(); err == nil || !strings.Contains(err.Error(), "tensor a") {
		t.Errorf("read of a file cut meanwhile: %v", err)
	}
	f.Close()
	if _, err := f.Tensors[0].Bytes(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("read after Close: %v", err)
	}
}

func TestWriteRefusesEqualNames(t *testing.T) {
	one := tensor.FromFloat32s("a", []int{1}, []float32{1})
	for _, name := range []string{"a", metadataKey} {
		var file bytes.Buffer
		err := Write(&file, []tensor.Tensor{one, one.Renamed(name)}, nil)
		if err == nil || file.Len() > 0 {
			t.Errorf("second name %q: error %v with %d bytes written", name, err, file.Len())
		}
	}
}

func FuzzRead(f *testing.F) {
	var file bytes.Buffer
	if err := Write(&file, []tensor.Tensor{tensor.FromFloat32s("a", []int{2}, []float32{1, 2})}, map[string]string{"k": "v"}); err != nil {
		f.Fatal(err)
	}
	f.Add(file.Bytes())
	f.Add(raw(`{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[],"data_offsets":[2,3]}}`, 3))
	f.Add(raw(`{"a":{"dtype":"F64","shape":[0,9223372036854775807],"data_offsets":[0,0]}}`, 0))
	f.Fuzz(func(t *testing.T, file []byte) {
		got, err := parse(file)
		if err != nil {
			return
		}
		var size int64
		for _, one := range got.Tensors {
			data, err := one.Bytes()
			if err != nil {
				t.Fatalf("accepted, but %v", err)
			}
			size += int64(len(data))
		}
		if size > int64(len(file)) {
			t.Fatalf("%d bytes of tensors from %d bytes", size, len(file))
		}
	})
}

func BenchmarkRead(b *testing.B) {
	path := filepath.Join(b.TempDir(), "a.safetensors")
	file, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	var tensors []tensor.Tensor
	for i := range 16 {
		tensors = append(tensors, tensor.FromFloat32s(fmt.Sprint(i), []int{1 << 20}, make([]float32, 1<<20)))
	}
	if err := Write(file, tensors, nil); err != nil {
		b.Fatal(err)
	}
	file.Close()
	b.SetBytes(16 << 22)
	for b.Loop() {
		f, err := Open(path)
		if err != nil {
			b.Fatal(err)
		}
		for _, t := range f.Tensors {
			if _, err := t.Bytes(); err != nil {
				b.Fatal(err)
			}
		}
		f.Close()
	}
}
