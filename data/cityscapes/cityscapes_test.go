package cityscapes

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"eomt/data"
	"eomt/data/archive/archivetest"
	"eomt/data/decode"
	"eomt/data/labelmap"

	"github.com/google/go-cmp/cmp"
)

// layouts writes one image of 4 x 2 pixels unpacked and as the official zips.
func layouts(t *testing.T) map[string]string {
	t.Helper()
	var picture bytes.Buffer
	if err := png.Encode(&picture, image.NewNRGBA(image.Rect(0, 0, 4, 2))); err != nil {
		t.Fatal(err)
	}
	const stem = "aachen/aachen_000000_000019"
	encode := func(values ...uint16) []byte {
		raw, err := decode.EncodeLabels(values, 4, 2)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	images := archivetest.Files{"leftImg8bit/train/" + stem + "_leftImg8bit.png": picture.Bytes()}
	labels := archivetest.Files{
		"gtFine/train/" + stem + "_gtFine_labelIds.png":    encode(7, 7, 26, 26, 26, 3, 33, 29),
		"gtFine/train/" + stem + "_gtFine_instanceIds.png": encode(7, 7, 26000, 26001, 26, 3, 33000, 29001),
		"gtFine/train/" + stem + "_gtFine_color.png":       []byte("not read"),
	}
	roots := map[string]string{"folders": t.TempDir(), "zips": t.TempDir()}
	images.Write(t, roots["folders"])
	labels.Write(t, roots["folders"])
	archivetest.Files{"leftImg8bit_trainvaltest.zip": images.Zip(t, zip.Store),
		"gtFine_trainvaltest.zip": labels.Zip(t, zip.Deflate)}.Write(t, roots["zips"])
	return roots
}

func TestLayouts(t *testing.T) {
	for name, root := range layouts(t) {
		t.Run(name, func(t *testing.T) {
			c := data.OpenOptions{Root: root, Split: "train"}
			check(t, load(t, OpenSemantic, c), []data.Instance{
				{Class: 0, ID: 7, Area: 2}, {Class: 13, ID: 26, Area: 3}, {Class: 18, ID: 33, Area: 1},
			}, []uint32{1, 1, 2, 2, 2, 0, 4, 0})
			check(t, load(t, OpenPanoptic, c), []data.Instance{
				{Class: 0, ID: 7, Area: 2},
				{Class: 13, ID: 26, Crowd: true, Area: 1}, {Class: 13, ID: 26000, Area: 1}, {Class: 13, ID: 26001, Area: 1},
				{Class: 18, ID: 33000, Area: 1},
			}, []uint32{1, 1, 4, 8, 2, 0, 16, 0})
			check(t, load(t, OpenInstance, c), []data.Instance{
				{Class: 2, ID: 26, Crowd: true, Area: 1}, {Class: 2, ID: 26000, Area: 1}, {Class: 2, ID: 26001, Area: 1},
				{Class: 7, ID: 33000, Area: 1},
			}, []uint32{0, 0, 2, 4, 1, 0, 8, 0})
		})
	}
}

func load(t *testing.T, open func(data.OpenOptions) (*labelmap.Dataset, error), c data.OpenOptions) *data.Sample {
	t.Helper()
	set, err := open(c)
	if err != nil {
		t.Fatal(err)
	}
	defer set.Close()
	s, err := set.Load(0)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(s.Name, "aachen_000000_000019_leftImg8bit.png") {
		t.Errorf("sample is called %s", s.Name)
	}
	return s
}

func check(t *testing.T, s *data.Sample, targets []data.Instance, bits []uint32) {
	t.Helper()
	if diff := cmp.Diff(targets, s.Instances) + cmp.Diff(bits, s.Masks.Bits); diff != "" {
		t.Error(diff)
	}
}

// The official conversion's segments follow from the ids: class, crowd and area of
// each, on a published example of its output. (Its JSON holds train ids.)
func TestOfficialConversion(t *testing.T) {
	dir := filepath.Join("..", "..", "..", "shared", "realdata", "cityscapes_format", "gtFine")
	text, err := os.ReadFile(filepath.Join(dir, "cityscapes_panoptic_dummy_trainId.json"))
	if err != nil {
		t.Skipf("published samples are not at %s", dir)
	}
	const name = "dummy_000000_000000_gtFine_panoptic.png"
	raw, err := os.ReadFile(filepath.Join(dir, "cityscapes_panoptic_dummy_trainId", name))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Annotations []struct {
			Segments []struct {
				ID      int64
				Class   int `json:"category_id"`
				Crowd   int `json:"iscrowd"`
				AreaPix int `json:"area"`
			} `json:"segments_info"`
		}
	}
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	ids, w, h, err := decode.IDs(raw, name)
	if err != nil {
		t.Fatal(err)
	}
	s := &data.Sample{Image: data.NewRGB(w, h)}
	if err := labelmap.Paint(s, instanceLayer(ids, name, Classes())); err != nil {
		t.Fatal(err)
	}
	want := map[int64]data.Instance{}
	for _, g := range file.Annotations[0].Segments {
		want[g.ID] = data.Instance{ID: g.ID, Class: g.Class, Crowd: g.Crowd == 1, Area: float64(g.AreaPix)}
	}
	got := map[int64]data.Instance{}
	for _, instance := range s.Instances {
		got[instance.ID] = instance
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestErrors(t *testing.T) {
	root := layouts(t)["folders"]
	for _, test := range []struct {
		o    data.OpenOptions
		want string
	}{
		{data.OpenOptions{Root: root, Split: "test"}, `split "test"`},
		{data.OpenOptions{Root: root, Split: "val"}, "leftImg8bit_trainvaltest.zip/leftImg8bit/val"},
		{data.OpenOptions{Root: root + "gone", Split: "val"}, "data.root"},
	} {
		if _, err := OpenSemantic(test.o); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("split %s of %s: %v lacks %q", test.o.Split, test.o.Root, err, test.want)
		}
	}
	if err := os.Remove(filepath.Join(root, "gtFine/train/aachen/aachen_000000_000019_gtFine_labelIds.png")); err != nil {
		t.Fatal(err)
	}
	_, err := OpenSemantic(data.OpenOptions{Root: root, Split: "train"})
	if err == nil || !strings.Contains(err.Error(), "aachen_000000_000019_leftImg8bit.png: has no label map") {
		t.Errorf("label map missing: %v", err)
	}
}
