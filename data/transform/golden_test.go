package transform

import (
	"bytes"
	"compress/zlib"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"testing"

	"eomt/data"
	"eomt/data/decode"
)

// The goldens are what the reference's own code computes, with its draws
// (scripts/goldens/transform.py). All comparisons are exact.

// realData holds real samples; tests that need them skip where it is absent.
const realData = "../../../shared/realdata"

type packed string // base64 of zlib of bytes

func (p packed) bytes(t *testing.T) []byte {
	t.Helper()
	raw, err := base64.StdEncoding.DecodeString(string(p))
	if err != nil {
		t.Fatal(err)
	}
	r, err := zlib.NewReader(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

type goldenImage struct {
	W, H int
	Data packed
}

func (g goldenImage) rgb(t *testing.T) data.RGB {
	return data.RGB{W: g.W, H: g.H, Pix: g.Data.bytes(t)}
}

func readGolden(t *testing.T, name string, into any) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, into); err != nil {
		t.Fatal(err)
	}
}

func wantPixels(t *testing.T, got data.RGB, w, h int, want []byte) {
	t.Helper()
	if got.W != w || got.H != h {
		t.Fatalf("%d x %d pixels, want %d x %d", got.W, got.H, w, h)
	}
	if len(got.Pix) != len(want) {
		t.Fatalf("%d bytes, want %d", len(got.Pix), len(want))
	}
	for i, v := range want {
		if got.Pix[i] != v {
			t.Fatalf("pixel (%d, %d) channel %d is %d, want %d", i/3%w, i/3/w, i%3, got.Pix[i], v)
		}
	}
}

func sha(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func TestResizeEqualsTorchAndPillow(t *testing.T) {
	var g struct {
		Bilinear []struct {
			Src           goldenImage
			W, H          int
			Torch, Pillow packed
		}
		Nearest []struct {
			In, Out int
			SHA256  string
		}
	}
	readGolden(t, "resample.json", &g)
	for _, c := range g.Bilinear {
		src := c.Src.rgb(t)
		wantPixels(t, Resize(src, c.W, c.H, Torch), c.W, c.H, c.Torch.bytes(t))
		wantPixels(t, Resize(src, c.W, c.H, Pillow), c.W, c.H, c.Pillow.bytes(t))
	}
	for _, c := range g.Nearest {
		var index []byte
		for _, v := range nearest(c.In, c.Out, 0, c.Out) {
			index = binary.LittleEndian.AppendUint32(index, uint32(v))
		}
		if sha(index) != c.SHA256 {
			t.Errorf("nearest %d -> %d differs from torch", c.In, c.Out)
		}
	}
}

func TestJitterEqualsTorchvision(t *testing.T) {
	var g struct {
		Src   goldenImage
		Cases []struct {
			Op     string
			Factor float32
			Data   packed
		}
	}
	readGolden(t, "color.json", &g)
	src := g.Src.rgb(t)
	for _, c := range g.Cases {
		j := noJitter
		switch c.Op {
		case "brightness":
			j.Brightness = c.Factor
		case "contrast":
			j.Contrast = c.Factor
		case "saturation":
			j.Saturation = c.Factor
		case "hue":
			j.Hue = c.Factor
		}
		t.Run(c.Op, func(t *testing.T) { wantPixels(t, j.Apply(src), src.W, src.H, c.Data.bytes(t)) })
	}
}

// goldenTarget is a rectangle with holes: pixels with (3x + 5y) % 7 == m % 7.
type goldenTarget struct {
	Class          int
	Crowd          bool
	X0, Y0, X1, Y1 int
}

func sampleOf(img data.RGB, targets []goldenTarget) *data.Sample {
	s := &data.Sample{ImageID: 7, Name: "golden", Image: img, Masks: data.NewPlanes(img.W, img.H, len(targets))}
	for m, target := range targets {
		s.Instances = append(s.Instances, data.Instance{Class: target.Class, Crowd: target.Crowd, ID: int64(m)})
		for y := target.Y0; y < target.Y1; y++ {
			for x := target.X0; x < target.X1; x++ {
				if (3*x+5*y)%7 != m%7 {
					s.Masks.Set(x, y, m)
				}
			}
		}
	}
	return s
}

type goldenDraws struct {
	Order                            []string
	Brightness, Contrast, Saturation *float32
	Hue                              float32
	Flip                             bool
	Scale                            float32
	Size                             [2]int
	Top, Left                        int
}

func (g goldenDraws) draws() Draws {
	d := Draws{Jitter: noJitter, Flip: g.Flip, Scale: g.Scale, Top: g.Top, Left: g.Left}
	for factor, from := range map[*float32]*float32{&d.Jitter.Brightness: g.Brightness, &d.Jitter.Contrast: g.Contrast, &d.Jitter.Saturation: g.Saturation} {
		if from != nil {
			*factor = *from
		}
	}
	d.Jitter.Hue = g.Hue
	d.Jitter.ContrastLast = len(g.Order) > 1 && g.Order[len(g.Order)-1] == "contrast"
	return d
}

// packBits lays all masks out as numpy's packbits does.
func packBits(p data.Planes, n int) []byte {
	var out []byte
	for m := range n {
		row := make([]byte, (p.W*p.H+7)/8)
		for i := range p.W * p.H {
			if p.At(i%p.W, i/p.W, m) {
				row[i/8] |= 0x80 >> (i % 8)
			}
		}
		out = append(out, row...)
	}
	return out
}

func wantTargets(t *testing.T, got *data.Sample, classes []int) {
	t.Helper()
	if len(got.Instances) != len(classes) {
		t.Fatalf("%d targets, want %d", len(got.Instances), len(classes))
	}
	for i, target := range got.Instances {
		if target.Class != classes[i] {
			t.Fatalf("target %d is of class %d, want %d", i, target.Class, classes[i])
		}
	}
}

type goldenTrain struct {
	Groups []struct {
		Src     goldenImage
		Targets []goldenTarget
		W, H    int
		Runs    []struct {
			Draws   goldenDraws
			Image   packed
			Classes []int
			Masks   packed
		}
	}
	Real []struct {
		Path    string
		Targets []goldenTarget
		Draws   goldenDraws
		Image   string // sha256
		Classes []int
		Masks   string // sha256
	}
}

func TestTrainEqualsReference(t *testing.T) {
	var g goldenTrain
	readGolden(t, "train.json", &g)
	for _, group := range g.Groups {
		s := sampleOf(group.Src.rgb(t), group.Targets)
		before := sha(s.Image.Pix)
		tr := Train{H: group.H, W: group.W, ScaleMin: 0.1, ScaleMax: 2, ColorJitter: true}
		for _, run := range group.Runs {
			d := run.Draws.draws()
			if w, h := tr.resized(s.Image.W, s.Image.H, d.Scale); [2]int{h, w} != run.Draws.Size {
				t.Fatalf("scale %v gives %d x %d, want %v", d.Scale, h, w, run.Draws.Size)
			}
			got, err := tr.ApplyDraws(s, d)
			if err != nil {
				t.Fatal(err)
			}
			wantPixels(t, got.Image, group.W, group.H, run.Image.bytes(t))
			wantTargets(t, got, run.Classes)
			if !bytes.Equal(packBits(got.Masks, len(got.Instances)), run.Masks.bytes(t)) {
				t.Error("masks differ from the reference's")
			}
		}
		if sha(s.Image.Pix) != before {
			t.Error("the sample was modified")
		}
	}
}

func TestTrainEqualsReferenceOnRealImages(t *testing.T) {
	if _, err := os.Stat(realData); err != nil {
		t.Skipf("no real samples in %s", realData)
	}
	var g goldenTrain
	readGolden(t, "train.json", &g)
	tr := Train{H: 640, W: 640, ScaleMin: 0.1, ScaleMax: 2, ColorJitter: true}
	for _, c := range g.Real {
		raw, err := os.ReadFile(filepath.Join(realData, c.Path))
		if err != nil {
			t.Fatal(err)
		}
		img, err := decode.Image(raw, c.Path)
		if err != nil {
			t.Fatal(err)
		}
		got, err := tr.ApplyDraws(sampleOf(img, c.Targets), c.Draws.draws())
		if err != nil {
			t.Fatal(err)
		}
		wantTargets(t, got, c.Classes)
		if sha(packBits(got.Masks, len(got.Instances))) != c.Masks {
			t.Errorf("%s: masks differ from the reference's", c.Path)
		}
		if sha(got.Image.Pix) != c.Image {
			t.Errorf("%s: the image differs from the reference's", c.Path)
		}
	}
}

func TestEvaluationEqualsReference(t *testing.T) {
	var g struct {
		Fits []struct {
			Src     goldenImage
			W, H    int
			Resized [2]int // height, width
			Data    packed
		}
		Windows []struct {
			Src     goldenImage
			Side    int
			Resized [2]int
			Starts  []int
			Data    packed
		}
		Plans []struct {
			W, H, Side int
			Fit, Cover [2]int
		}
	}
	readGolden(t, "evaluation.json", &g)
	for _, c := range g.Fits {
		got, geometry := Fit(c.Src.rgb(t), c.H, c.W)
		want := Geometry{Original: Size{c.Src.W, c.Src.H}, Resized: Size{c.Resized[1], c.Resized[0]}, Padded: Size{c.W, c.H}}
		if geometry != want {
			t.Errorf("geometry %+v, want %+v", geometry, want)
		}
		wantPixels(t, got, c.W, c.H, c.Data.bytes(t))
	}
	for _, c := range g.Windows {
		got, plan := Windows(c.Src.rgb(t), c.Side)
		if plan.Resized != (Size{c.Resized[1], c.Resized[0]}) || len(got) != len(c.Starts) {
			t.Fatalf("plan %+v, want size %v and starts %v", plan, c.Resized, c.Starts)
		}
		want := c.Data.bytes(t)
		for i, window := range got {
			if plan.Starts[i] != c.Starts[i] {
				t.Fatalf("starts %v, want %v", plan.Starts, c.Starts)
			}
			n := 3 * c.Side * c.Side
			wantPixels(t, window, c.Side, c.Side, want[i*n:(i+1)*n])
		}
	}
	for _, c := range g.Plans {
		if got := FitSize(Size{c.W, c.H}, c.Side, c.Side).Resized; got != (Size{c.Fit[1], c.Fit[0]}) {
			t.Errorf("%d x %d fits %d as %+v, want %v", c.W, c.H, c.Side, got, c.Fit)
		}
		if got := PlanWindows(Size{c.W, c.H}, c.Side).Resized; got != (Size{c.Cover[1], c.Cover[0]}) {
			t.Errorf("%d x %d covers %d as %+v, want %v", c.W, c.H, c.Side, got, c.Cover)
		}
	}
}
