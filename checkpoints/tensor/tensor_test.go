package tensor

import (
	"encoding/binary"
	"errors"
	"math"
	"strings"
	"testing"
)

func TestHalfToFloat32(t *testing.T) {
	// Values of IEEE 754-2019 binary16, among them both ends of the subnormals.
	for half, want := range map[uint16]float64{
		0x0000: 0, 0x3c00: 1, 0xc000: -2, 0x3555: 0.333251953125, 0x7bff: 65504,
		0x0001: math.Ldexp(1, -24), 0x83ff: -math.Ldexp(1023, -24), 0x0400: math.Ldexp(1, -14),
		0x7c00: math.Inf(1), 0xfc00: math.Inf(-1),
	} {
		if got := halfToFloat32(half); got != float32(want) {
			t.Errorf("%#04x is %v, want %v", half, got, want)
		}
	}
	if got := halfToFloat32(0x7e00); got == got {
		t.Errorf("0x7e00 is %v, want NaN", got)
	}
	if got := halfToFloat32(0x8000); got != 0 || !math.Signbit(float64(got)) {
		t.Errorf("0x8000 is %v, want -0", got)
	}
}

func TestFloat32sOfEveryType(t *testing.T) {
	want := []float32{1, -2.5}
	for dtype, data := range map[DType][]byte{
		Float16:  {0x00, 0x3c, 0x00, 0xc1},
		BFloat16: {0x80, 0x3f, 0x20, 0xc0},
		Float64: binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, math.Float64bits(1)),
			math.Float64bits(-2.5)),
	} {
		one, err := New("a", dtype, []int{2}, data)
		if err != nil {
			t.Fatal(err)
		}
		converted, err := one.AsFloat32().Float32s()
		if err != nil || converted[0] != want[0] || converted[1] != want[1] {
			t.Errorf("%s gives %v (%v), want %v", dtype, converted, err, want)
		}
	}
	ints, _ := New("a", Int32, []int{1}, make([]byte, 4))
	if _, err := ints.Float32s(); err == nil || !strings.Contains(err.Error(), "a holds I32") {
		t.Errorf("I32 as floating point: %v", err)
	}
}

func TestByteSize(t *testing.T) {
	for _, c := range []struct {
		dtype DType
		shape []int
		want  int64
		fails string
	}{
		{Float32, nil, 4, ""},
		{BFloat16, []int{3, 5}, 30, ""},
		{Float64, []int{0, math.MaxInt}, 0, ""},
		{Float32, []int{1 << 31, 1 << 31}, 0, "larger than any file"},
		{Float32, []int{-1}, 0, "negative"},
		{"F7", []int{1}, 0, "not supported"},
	} {
		got, err := ByteSize(c.dtype, c.shape)
		if (err == nil) != (c.fails == "") || err != nil && !strings.Contains(err.Error(), c.fails) || got != c.want {
			t.Errorf("ByteSize(%s, %v) = %d, %v", c.dtype, c.shape, got, err)
		}
	}
}

func TestSizesAreHeld(t *testing.T) {
	if _, err := New("a", Float32, []int{2}, make([]byte, 7)); err == nil {
		t.Error("New took 7 bytes for two float32")
	}
	short := Lazy("a", Float32, []int{2}, func() ([]byte, error) { return make([]byte, 4), nil })
	if _, err := short.Bytes(); err == nil || !strings.Contains(err.Error(), "a has 4 bytes") {
		t.Errorf("short load: %v", err)
	}
	failed := errors.New("disk")
	broken := Lazy("a", Float16, []int{2}, func() ([]byte, error) { return nil, failed })
	if _, err := broken.AsFloat32().Bytes(); !errors.Is(err, failed) {
		t.Errorf("failing load: %v", err)
	}
	if _, err := short.Reshaped(3); err == nil {
		t.Error("two elements took the shape [3]")
	}
	if _, err := (Tensor{Name: "a"}).Bytes(); err == nil {
		t.Error("a tensor without data was read")
	}
}

// TestHalfRoundTrip widens and rounds every binary16 number, and rounds halfway
// between neighbours to the even one.
func TestHalfRoundTrip(t *testing.T) {
	for bits := range 1 << 16 {
		v := halfToFloat32(uint16(bits))
		if got := half(v); got != uint16(bits) && v == v {
			t.Fatalf("%#04x is %v and comes back as %#04x", bits, v, got)
		}
		if bits&0x7fff >= 0x7bff {
			continue
		}
		middle := (float64(v) + float64(halfToFloat32(uint16(bits+1)))) / 2
		if got, want := half(float32(middle)), uint16(bits+bits&1); got != want {
			t.Fatalf("%v, halfway after %#04x, rounds to %#04x, want %#04x", middle, bits, got, want)
		}
	}
	for v, want := range map[float32]uint16{65519: 0x7bff, 65520: 0x7c00, -1e30: 0xfc00, 1e-30: 0, float32(math.Inf(1)): 0x7c00} {
		if got := half(v); got != want {
			t.Errorf("%v rounds to %#04x, want %#04x", v, got, want)
		}
	}
	if v := halfToFloat32(half(float32(math.NaN()))); v == v {
		t.Error("NaN became a number")
	}
}

func TestBfloat16Rounding(t *testing.T) {
	for bits, want := range map[uint32]uint16{
		0x3f800000: 0x3f80, 0x3f807fff: 0x3f80, 0x3f808000: 0x3f80, 0x3f808001: 0x3f81, 0x3f818000: 0x3f82,
		0x7f7fffff: 0x7f80, 0xff800000: 0xff80, 0x00000001: 0x0000,
	} {
		if got := bfloat16(math.Float32frombits(bits)); got != want {
			t.Errorf("%#08x rounds to %#04x, want %#04x", bits, got, want)
		}
	}
	if got := bfloat16(math.Float32frombits(0x7f800001)); got&0x7f == 0 {
		t.Errorf("a NaN rounds to %#04x", got)
	}
}

func TestFromFloat32sAs(t *testing.T) {
	for _, dtype := range []DType{Float16, BFloat16, Float32, Float64} {
		values, err := FromFloat32sAs(dtype, "a", []int{3}, []float32{0, -1.5, 2}).Float32s()
		if err != nil || values[0] != 0 || values[1] != -1.5 || values[2] != 2 {
			t.Errorf("%s: %v, %v", dtype, values, err)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("an integer type was accepted")
		}
	}()
	FromFloat32sAs(Int8, "a", []int{1}, []float32{1})
}

func TestFloat64s(t *testing.T) {
	for dtype, c := range map[DType]struct {
		data []byte
		want float64
	}{
		Bool: {[]byte{1}, 1}, Uint8: {[]byte{0xff}, 255}, Int8: {[]byte{0xff}, -1}, Int16: {[]byte{0xfe, 0xff}, -2},
		Uint16: {[]byte{0xff, 0xff}, 65535}, Int32: {[]byte{0, 0, 0, 0x80}, math.MinInt32}, Uint32: {[]byte{0, 0, 0, 0x80}, 1 << 31},
		Int64: {[]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, -1}, Uint64: {[]byte{0, 0, 0, 0, 0, 0, 0, 0x80}, 1 << 63},
		Float16: {[]byte{0x00, 0x3c}, 1}, BFloat16: {[]byte{0x80, 0xbf}, -1}, Float32: {[]byte{0, 0, 0x80, 0x3f}, 1},
		Float64: {binary.LittleEndian.AppendUint64(nil, math.Float64bits(.1)), .1},
	} {
		one, err := New("a", dtype, []int{1}, c.data)
		if err != nil {
			t.Fatal(err)
		}
		got, err := one.Float64s()
		if err != nil || got[0] != c.want {
			t.Errorf("%s is %v (%v), want %v", dtype, got, err, c.want)
		}
	}
}

func TestReadingInPlace(t *testing.T) {
	calls := 0
	streamed := Streamed("a", Float32, []int{2}, func(dst []byte) error {
		calls++
		copy(dst, []byte{0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0})
		return nil
	})
	values := make([]float32, 2)
	if err := streamed.ReadFloat32s(values); err != nil || values[0] != 1 || values[1] != -2 {
		t.Errorf("%v, %v", values, err)
	}
	if allocated := testing.AllocsPerRun(10, func() { streamed.ReadFloat32s(values) }); allocated > 0 {
		t.Errorf("%v allocations to read F32 in place", allocated)
	}
	if err := FromFloat32s("b", []int{2}, []float32{5, 6}).ReadFloat32s(values); err != nil || values[1] != 6 {
		t.Errorf("from memory: %v, %v", values, err)
	}
	if err := streamed.ReadFloat32s(values[:1]); err == nil || !strings.Contains(err.Error(), "read into 1 numbers") {
		t.Errorf("too short: %v", err)
	}
	if err := streamed.ReadBytes(make([]byte, 9)); err == nil || !strings.Contains(err.Error(), "read into 9 bytes") {
		t.Errorf("too long: %v", err)
	}
	impossible := Streamed("c", Float32, []int{-1}, nil)
	if _, err := impossible.Bytes(); err == nil {
		t.Error("a negative shape was read")
	}
	if _, err := impossible.Float32s(); err == nil {
		t.Error("a negative shape was read")
	}
	scalar := Streamed("d", Float32, nil, func(dst []byte) error { dst[3] = 0x40; return nil })
	if v, err := scalar.Float32s(); err != nil || v[0] != 2 {
		t.Errorf("scalar %v, %v", v, err)
	}
}
