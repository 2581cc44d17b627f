package torchfile

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"eomt/checkpoints/safetensors"
	"eomt/checkpoints/tensor"
)

// testdata is made by scripts/goldens/weights.py.

func TestOpenGivesWhatTorchSaved(t *testing.T) {
	want, err := safetensors.Open("testdata/expected.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	defer want.Close()
	for _, name := range []string{"zip.pth", "legacy.pth", "nested.ckpt"} {
		t.Run(name, func(t *testing.T) {
			got, err := Open(filepath.Join("testdata", name))
			if err != nil {
				t.Fatal(err)
			}
			defer got.Close()
			if len(got.Tensors) != len(want.Tensors) {
				t.Fatalf("%d tensors, want %d", len(got.Tensors), len(want.Tensors))
			}
			index := tensor.ByName(got.Tensors)
			for _, one := range want.Tensors {
				wantSame(t, index[one.Name], one)
			}
		})
	}
}

// wantSame fails unless two tensors agree in name, type, shape and every byte.
func wantSame(t *testing.T, got, want tensor.Tensor) {
	t.Helper()
	a, errA := got.Bytes()
	b, errB := want.Bytes()
	if errA != nil || errB != nil || got.String() != want.String() || !bytes.Equal(a, b) {
		t.Errorf("got %v (%v), want %v (%v), bytes equal: %t", got, errA, want, errB, bytes.Equal(a, b))
	}
}

func TestModuleStateDict(t *testing.T) {
	f, err := Open("testdata/module.pth")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if len(f.Tensors) != 2 || f.Tensors[0].Name != "weight" || f.Tensors[1].Name != "bias" {
		t.Errorf("tensors %v", f.Tensors)
	}
}

func TestOpenRefuses(t *testing.T) {
	for name, want := range map[string]string{
		"expanded.pth":         "tensor expanded: an expanded tensor",
		"class.pth":            `"torch.float32"`,
		"expected.safetensors": "not a file of torch.save",
		"absent.pth":           "no such file",
		".":                    "not a regular file",
	} {
		path := filepath.Join("testdata", name)
		if _, err := Open(path); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("Open(%s): %v, want %q", path, err, want)
		}
	}
}

func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var tensors []tensor.Tensor
		for _, name := range rapid.SliceOfNDistinct(rapid.StringMatching(`[a-z.é]+`), 0, 5, rapid.ID).Draw(rt, "names") {
			var types []tensor.DType
			for _, dtype := range storageTypes {
				types = append(types, dtype)
			}
			dtype := rapid.SampledFrom(types).Draw(rt, "type")
			shape := rapid.SliceOfN(rapid.IntRange(0, 4), 0, 4).Draw(rt, "shape")
			size, _ := tensor.ByteSize(dtype, shape)
			one, err := tensor.New(name, dtype, shape, rapid.SliceOfN(rapid.Byte(), int(size), int(size)).Draw(rt, "data"))
			if err != nil {
				rt.Fatal(err)
			}
			tensors = append(tensors, one)
		}
		var file bytes.Buffer
		if err := Write(&file, tensors); err != nil {
			rt.Fatal(err)
		}
		got, err := read(bytes.NewReader(file.Bytes()), int64(file.Len()))
		if err != nil || len(got) != len(tensors) {
			rt.Fatalf("%d tensors, want %d (%v)", len(got), len(tensors), err)
		}
		for i := range got {
			wantSame(t, got[i], tensors[i])
		}
	})
}

// TestWrittenLayout holds what torch.load wants: entries stored, data aligned.
func TestWrittenLayout(t *testing.T) {
	var file bytes.Buffer
	one := tensor.FromFloat32s("a", []int{3}, []float32{1, 2, 3})
	if err := Write(&file, []tensor.Tensor{one, one.Renamed("b")}); err != nil {
		t.Fatal(err)
	}
	archive, err := zip.NewReader(bytes.NewReader(file.Bytes()), int64(file.Len()))
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range archive.File {
		at, err := entry.DataOffset()
		if err != nil || at%alignment != 0 || entry.Method != zip.Store || !strings.HasPrefix(entry.Name, folder) {
			t.Errorf("entry %s at %d, method %d (%v)", entry.Name, at, entry.Method, err)
		}
	}
}

func TestWriteRefuses(t *testing.T) {
	one := tensor.FromFloat32s("a", []int{1}, []float32{1})
	odd, _ := tensor.New("odd", tensor.Uint32, []int{1}, make([]byte, 4))
	for want, tensors := range map[string][]tensor.Tensor{
		`two tensors are named "a"`:           {one, one},
		"no storage for U32 (tensor odd)":     {odd},
		"write tensor broken: tensor: broken": {tensor.Lazy("broken", tensor.Float32, []int{2}, func() ([]byte, error) { return nil, nil })},
	} {
		if err := Write(&bytes.Buffer{}, tensors); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

// zipped is an archive of data.pkl and one storage of eight bytes.
func zipped(program string) []byte {
	var file bytes.Buffer
	w := zip.NewWriter(&file)
	for name, content := range map[string]string{"x/data.pkl": program, "x/data/0": "12345678"} {
		entry, _ := w.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
		entry.Write([]byte(content))
	}
	w.Close()
	return file.Bytes()
}

// table is the program of a dict {"a": VALUE}.
func table(value string) string { return "\x80\x02}X\x01\x00\x00\x00a" + value + "s." }

// tensorProgram is the program of a tensor on storage "0" with the given element count
// and the programs of offset, shape and strides.
func tensorProgram(elements, offset, shape, strides string) string {
	return "ctorch._utils\n_rebuild_tensor_v2\n((U\x07storagectorch\nFloatStorage\nU\x010U\x03cpu" + elements + "tQ" +
		offset + shape + strides + "\x89}tR"
}

func TestHostilePickles(t *testing.T) {
	const two, zero, one = "K\x02", "K\x00", "K\x01"
	huge := "\x8a\x08\x00\x00\x00\x00\x00\x00\x00\x10" // 2^60
	for _, c := range []struct{ name, program, want string }{
		{"runs a command", "cos\nsystem\nU\x02id\x85R.", `"os.system"`},
		{"builtins", "c__builtin__\neval\nU\x011\x85R.", `"__builtin__.eval"`},
		{"getattr chain", "cbuiltins\ngetattr\n.", `"builtins.getattr"`},
		{"class of its own", "cevil\nThing\n)\x81.", `"evil.Thing"`},
		{"new object", "ccollections\nOrderedDict\n)\x81.", "0x81"},
		{"inst", "(ios\nsystem\n.", "0x69"},
		{"python's persistent id", "P0\n.", "0x50"},
		{"extension", "\x82\x01.", "0x82"},
		{"call of a string", "U\x01a)R.", "not a function"},
		{"call without arguments", "ccollections\nOrderedDict\nR.", "empty"},
		{"call of a storage class", "ctorch\nFloatStorage\n)R.", "not a function"},
		{"attributes of a tensor", table(tensorProgram(two, zero, "K\x02\x85", "K\x01\x85") + "}b"), "refused"},
		{"protocol 4", "\x80\x04.", "protocol 4"},
		{"nothing", ".", "empty"},
		{"no end", "N", "without a result"},
		{"mark as result", "(.", "empty"},
		{"no mark", "Nt.", "no mark"},
		{"odd items", "}(Nu.", "holds none"},
		{"items of nothing", "(NNu.", "empty"},
		{"append to a dict", "}Na.", "holds none"},
		{"memo of nothing", "q\x00.", "empty"},
		{"unknown memo", "h\x07.", "remembered as 7"},
		{"text of 4 GB", "X\xff\xff\xff\xff.", "text of"},
		{"text beyond the end", "X\x10\x00\x00\x00a.", "unexpected EOF"},
		{"name without end", "c" + strings.Repeat("a", 1<<21), "without an end"},
		{"a number", "K\x01.", "no dict of tensors"},
		{"key that is a number", "}K\x01Ns.", "not a string"},
		{"value that is not a tensor", table("N"), `entry "a" is not a tensor`},
		{"same name twice", "}(U\x01a" + tensorProgram(two, zero, "K\x02\x85", "K\x01\x85") + "U\x01a" + tensorProgram(two, zero, "K\x02\x85", "K\x01\x85") + "u.", "duplicate entry"},
		{"storage of 2^60", table(tensorProgram(huge, zero, "K\x02\x85", "K\x01\x85")), "larger than any file"},
		{"storage beyond its entry", table(tensorProgram("K\x03", zero, "K\x02\x85", "K\x01\x85")), "8 bytes"},
		{"negative storage", table(tensorProgram("J\xff\xff\xff\xff", zero, "K\x02\x85", "K\x01\x85")), "without type, key or size"},
		{"shape of 2^60", table(tensorProgram(two, zero, huge+"\x85", "K\x01\x85")), "larger than any file"},
		{"product of shape overflows", table(tensorProgram(two, zero, huge+huge+"\x86", "K\x00K\x00\x86")), "larger than any file"},
		{"stride of 2^60", table(tensorProgram(two, zero, "K\x02\x85", huge+"\x85")), "larger than any file"},
		{"offset of 2^60", table(tensorProgram(two, huge, "K\x02\x85", "K\x01\x85")), "outside storage"},
		{"negative offset", table(tensorProgram(two, "J\xff\xff\xff\xff", "K\x02\x85", "K\x01\x85")), "do not describe a tensor"},
		{"one past the end", table(tensorProgram(two, one, "K\x02\x85", "K\x01\x85")), "outside storage"},
		{"expanded to a terabyte", table(tensorProgram(two, zero, "\x8a\x05\x00\x00\x00\x00\x01\x85", "K\x00\x85")), "expanded"},
		{"fewer strides than axes", table(tensorProgram(two, zero, "K\x02\x85", ")")), "do not describe a tensor"},
		{"65 axes", table(tensorProgram(two, zero, "("+strings.Repeat("K\x01", 65)+"t", "("+strings.Repeat("K\x01", 65)+"t")), "do not describe a tensor"},
		{"absent storage", table(strings.Replace(tensorProgram(two, zero, "K\x02\x85", "K\x01\x85"), "U\x010", "U\x019", 1)), "not in the archive"},
		{"storage with a path", table(strings.Replace(tensorProgram(two, zero, "K\x02\x85", "K\x01\x85"), "U\x010", "U\x07../../0", 1)), "not in the archive"},
		{"no such class of storage", table(strings.Replace(tensorProgram(two, zero, "K\x02\x85", "K\x01\x85"), "FloatStorage", "EvilStorage", 1)), `"torch.EvilStorage"`},
		{"endless", strings.Repeat("N", maxInstructions+1), "instructions"},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := zipped(c.program)
			_, err := read(bytes.NewReader(file), int64(len(file)))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
}

func TestHostileArchives(t *testing.T) {
	good := table(tensorProgram("K\x02", "K\x00", "K\x02\x85", "K\x01\x85"))
	build := func(method uint16, entries ...string) []byte {
		var file bytes.Buffer
		w := zip.NewWriter(&file)
		for i := 0; i < len(entries); i += 2 {
			entry, _ := w.CreateHeader(&zip.FileHeader{Name: entries[i], Method: method})
			entry.Write([]byte(entries[i+1]))
		}
		w.Close()
		return file.Bytes()
	}
	whole := zipped(good)
	for _, c := range []struct {
		name, want string
		file       []byte
	}{
		{"no pickle", "no data.pkl", build(zip.Store, "x/other", "")},
		{"compressed", "compressed", build(zip.Deflate, "x/data.pkl", good, "x/data/0", "12345678")},
		{"twice", "duplicate entry", build(zip.Store, "x/data.pkl", good, "x/data.pkl", good)},
		{"big-endian", `"big"`, build(zip.Store, "x/data.pkl", good, "x/byteorder", "big", "x/data/0", "12345678")},
		{"cut", "zip", whole[:len(whole)-30]},
		{"empty", "not a file of torch.save", nil},
		{"text", "not a file of torch.save", []byte("hello, world")},
	} {
		if _, err := read(bytes.NewReader(c.file), int64(len(c.file))); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.name, err, c.want)
		}
	}
}

// TestDamagedLegacyFiles cuts the legacy file everywhere and changes every byte
// of its pickles; what is still accepted must be readable.
func TestDamagedLegacyFiles(t *testing.T) {
	whole, err := os.ReadFile("testdata/legacy.pth")
	if err != nil {
		t.Fatal(err)
	}
	for cut := range whole {
		if _, err := read(bytes.NewReader(whole[:cut]), int64(cut)); err == nil {
			t.Errorf("cut to %d of %d bytes and still accepted", cut, len(whole))
		}
	}
	for at := range whole {
		changed := bytes.Clone(whole)
		changed[at] ^= 0x10
		readAll(t, changed)
	}
}

// readAll reads every tensor of an accepted file.
func readAll(t *testing.T, file []byte) {
	tensors, err := read(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		return
	}
	for _, one := range tensors {
		data, err := one.Bytes()
		if err != nil {
			t.Fatalf("accepted, but %v", err)
		}
		if len(data) > len(file) {
			t.Fatalf("%v from a file of %d bytes", one, len(file))
		}
	}
}

func TestHostileClaimsAllocateNothing(t *testing.T) {
	huge := "\x8a\x08\x00\x00\x00\x00\x00\x00\x00\x10"
	file := zipped(table(tensorProgram("K\x02", "K\x00", huge+"\x85", "K\x01\x85")))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := read(bytes.NewReader(file), int64(len(file))); err == nil {
		t.Fatal("2^60 elements in a file of a few bytes were believed")
	}
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 1<<20 {
		t.Errorf("%d bytes allocated for a hostile file", grown)
	}
}

func TestIntegerLengths(t *testing.T) {
	for text, want := range map[string]any{
		"": int64(0), "\xff": int64(-1), "\x00\x01": int64(256), "\x00\x00\x00\x00\x00\x00\x00\x10": int64(1 << 60),
		legacyMagic: long(legacyMagic),
	} {
		if got := integer([]byte(text)); got != want {
			t.Errorf("%q is %v, want %v", text, got, want)
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, name := range []string{"zip.pth", "legacy.pth", "nested.ckpt", "module.pth"} {
		file, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(file)
	}
	f.Fuzz(readAll)
}

// FuzzPickle changes the pickle alone, inside an archive that is whole.
func FuzzPickle(f *testing.F) {
	f.Add([]byte(table(tensorProgram("K\x02", "K\x00", "K\x02\x85", "K\x01\x85"))))
	f.Add(binary.LittleEndian.AppendUint32([]byte("\x80\x02}q\x00(h\x00X"), 3))
	f.Fuzz(func(t *testing.T, program []byte) { readAll(t, zipped(string(program))) })
}
