package jpeg

import (
	"bytes"
	"image"
	stdjpeg "image/jpeg"
	"math"
	"reflect"
	"testing"

	"eomt/data/decode/jpeg/jpegtest"
)

const generated = 3000 // files, of seeds 0 and up

// exactSamples computes the samples of a block of dequantised coefficients by the
// definition, before rounding. (T.81, section A.3.3)
func exactSamples(coefficients *[64]float64) (samples [64]float64) {
	var rows [64]float64
	for y := range 8 {
		for x := range 8 {
			for u := range 8 {
				rows[8*y+x] += coefficients[8*y+u] * cosines[x][u]
			}
		}
	}
	for y := range 8 {
		for x := range 8 {
			for v := range 8 {
				samples[8*y+x] += rows[8*v+x] * cosines[y][v]
			}
			samples[8*y+x] += 128
		}
	}
	return samples
}

var cosines = func() (table [8][8]float64) {
	for x := range 8 {
		for u := range 8 {
			table[x][u] = math.Cos(float64(2*x+1)*float64(u)*math.Pi/16) / 2
			if u == 0 {
				table[x][u] /= math.Sqrt2
			}
		}
	}
	return table
}()

// Every sample is the exact transform's within one level, the rounding of
// libjpeg's integers; and the file coded the other way gives the same planes.
func TestGeneratedFiles(t *testing.T) {
	for seed := range uint64(generated) {
		f := jpegtest.Random(seed)
		img, err := Decode(f.Encode())
		if err != nil {
			t.Fatalf("%v: %v", f, err)
		}
		checkExact(t, f, img)
		f.Progressive = !f.Progressive
		other, err := Decode(f.Encode())
		if err != nil {
			t.Fatalf("%v: %v", f, err)
		}
		if !reflect.DeepEqual(crop(img), crop(other)) {
			t.Fatalf("%v: unlike the same coefficients coded the other way", f)
		}
	}
}

// crop returns the image without the samples beside it: scans of one component
// leave out blocks that interleaved scans have.
func crop(img *Image) [][]uint8 {
	var planes [][]uint8
	for _, p := range img.Planes {
		var plane []uint8
		for y := range p.H {
			plane = append(plane, p.Pix[y*p.Stride:][:p.W]...)
		}
		planes = append(planes, plane)
	}
	return planes
}

func checkExact(t *testing.T, f jpegtest.File, img *Image) {
	t.Helper()
	if img.W != f.W || img.H != f.H || len(img.Planes) != len(f.Components) {
		t.Fatalf("%v: %d x %d pixels, %d planes", f, img.W, img.H, len(img.Planes))
	}
	for i, c := range f.Components {
		p := img.Planes[i]
		for b := range c.Coefficients {
			var coefficients [64]float64
			for k, v := range c.Coefficients[b] {
				coefficients[zigzag[k]] = float64(v * c.Quantisers[k])
			}
			for j, want := range exactSamples(&coefficients) {
				x, y := 8*(b%c.PaddedX)+j%8, 8*(b/c.PaddedX)+j/8
				if x >= p.W || y >= p.H {
					continue
				}
				want = min(max(want, 0), 255)
				if got := float64(p.Pix[y*p.Stride+x]); math.Abs(got-want) > 1 {
					t.Fatalf("%v: plane %d, sample (%d, %d): %v, want %v", f, i, x, y, got, want)
				}
			}
		}
	}
}

// What image/jpeg reads to planes of the same kind is the same within one level,
// the difference of the two integer transforms.
func TestGeneratedFilesAsImageJPEG(t *testing.T) {
	compared := 0
	for seed := range uint64(generated) {
		f := jpegtest.Random(seed)
		raw := f.Encode()
		want, err := stdjpeg.Decode(bytes.NewReader(raw))
		if err != nil {
			continue // sampling factors or restart markers that it does not take
		}
		img, err := Decode(raw)
		if err != nil {
			t.Fatalf("%v: %v", f, err)
		}
		switch want := want.(type) {
		case *image.Gray:
			compared++
			near(t, f, img.Planes[0], want.Pix, want.Stride)
		case *image.YCbCr:
			compared++
			near(t, f, img.Planes[0], want.Y, want.YStride)
			near(t, f, img.Planes[1], want.Cb, want.CStride)
			near(t, f, img.Planes[2], want.Cr, want.CStride)
		}
	}
	if compared < generated/8 {
		t.Errorf("%d of %d files compared", compared, generated)
	}
	t.Logf("%d files compared, seeds 0 to %d", compared, generated-1)
}

func near(t *testing.T, f jpegtest.File, p Plane, pix []uint8, stride int) {
	t.Helper()
	for y := range p.H {
		for x := range p.W {
			got, want := int(p.Pix[y*p.Stride+x]), int(pix[y*stride+x])
			if max(got-want, want-got) > 1 {
				t.Fatalf("%v: sample (%d, %d) is %d, image/jpeg has %d", f, x, y, got, want)
			}
		}
	}
}
