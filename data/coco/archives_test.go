package coco_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"eomt/data"
	"eomt/data/archive/archivetest"
	"eomt/data/coco"
	"eomt/data/shapes"
)

// official packs a generated data set like COCO's downloads: images and
// annotations in zips, the panoptic label maps in a zip inside a zip.
func official(t *testing.T, root string, nested uint16) archivetest.Files {
	t.Helper()
	packed := archivetest.Files{}
	annotations, panoptic := archivetest.Files{}, archivetest.Files{}
	for _, split := range []string{"train2017", "val2017"} {
		packed[split+".zip"] = archivetest.Read(t, filepath.Join(root, split), split).Zip(t, zip.Store)
		for name, body := range archivetest.Read(t, filepath.Join(root, "annotations"), "annotations") {
			switch {
			case strings.HasPrefix(name, "annotations/instances_"):
				annotations[name] = body
			case strings.HasSuffix(name, ".json"):
				panoptic[name] = body
			}
		}
		maps := archivetest.Read(t, filepath.Join(root, "annotations", "panoptic_"+split), "panoptic_"+split)
		panoptic["annotations/panoptic_"+split+".zip"] = maps.Zip(t, zip.Deflate)
	}
	packed["annotations_trainval2017.zip"] = annotations.Zip(t, zip.Deflate)
	packed["panoptic_annotations_trainval2017.zip"] = panoptic.Zip(t, nested)
	return packed
}

func generated(t *testing.T) string {
	t.Helper()
	root := filepath.Join(t.TempDir(), "set")
	if err := shapes.Generate(t.Context(), shapes.Config{Dir: root, Train: 6, Val: 3, Size: 48, Seed: 8}, nil); err != nil {
		t.Fatal(err)
	}
	return root
}

// The official archives, the folders they unpack to, and the label maps' zip
// unpacked one level show the same samples.
func TestOfficialArchives(t *testing.T) {
	plain := generated(t)
	roots := map[string]string{"nested stored": t.TempDir(), "nested deflated": t.TempDir(), "half unpacked": t.TempDir()}
	official(t, plain, zip.Store).Write(t, roots["nested stored"])
	packed := official(t, plain, zip.Deflate)
	packed.Write(t, roots["nested deflated"])
	packed.Write(t, roots["half unpacked"])
	half := archivetest.Read(t, filepath.Join(plain, "annotations"), "annotations")
	for _, split := range []string{"train2017", "val2017"} {
		maps := archivetest.Read(t, filepath.Join(plain, "annotations", "panoptic_"+split), "panoptic_"+split)
		half["annotations/panoptic_"+split+".zip"] = maps.Zip(t, zip.Store)
		for name := range maps {
			delete(half, "annotations/"+name)
		}
	}
	half.Write(t, roots["half unpacked"])

	for format, open := range map[string]func(data.OpenOptions) (*coco.Dataset, error){"panoptic": coco.OpenPanoptic, "instance": coco.OpenInstance} {
		for _, split := range []string{"train", "val"} {
			want := all(t, open, plain, split)
			for layout, root := range roots {
				if !reflect.DeepEqual(want, all(t, open, root, split)) {
					t.Errorf("%s %s, %s: samples differ from those of the folders", format, split, layout)
				}
			}
		}
	}
}

// all loads every sample; names lose their folder.
func all(t *testing.T, open func(data.OpenOptions) (*coco.Dataset, error), root, split string) []*data.Sample {
	t.Helper()
	set, err := open(data.OpenOptions{Root: root, Split: split})
	if err != nil {
		t.Fatal(err)
	}
	defer set.Close()
	samples := make([]*data.Sample, set.Len())
	for i := range samples {
		samples[i] = load(t, set, i)
		samples[i].Name = filepath.Base(samples[i].Name)
	}
	return samples
}

// A flipped byte in an archive is found by the zip's checksums, in an image,
// in an annotation file, and in a label map two zips deep.
func TestFlippedByte(t *testing.T) {
	plain := generated(t)
	for name, test := range map[string]struct {
		zip  string
		at   []byte // the byte after this is flipped
		want string
	}{
		"image":       {"train2017.zip", []byte("000000000001.jpg"), "train2017.zip/train2017/000000000001.jpg"},
		"annotations": {"panoptic_annotations_trainval2017.zip", []byte("annotations/panoptic_train2017.json"), "panoptic_train2017.json"},
		"label map":   {"panoptic_annotations_trainval2017.zip", []byte("panoptic_train2017/000000000001.png"), "panoptic_train2017.zip/panoptic_train2017/000000000001.png"},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			packed := official(t, plain, zip.Store)
			raw := packed[test.zip]
			at := bytes.Index(raw, test.at)
			if at < 0 {
				t.Fatal("the entry is not there")
			}
			raw[at+len(test.at)+200] ^= 0x10
			packed.Write(t, root)
			set, err := coco.OpenPanoptic(data.OpenOptions{Root: root, Split: "train"})
			if err == nil {
				defer set.Close()
				for i := range set.Len() {
					if _, failed := set.Load(i); failed != nil {
						err = failed
					}
				}
			}
			var format *data.FormatError
			if !errors.As(err, &format) || !strings.HasSuffix(format.Path, test.want) {
				t.Errorf("%v, want an error of %s", err, test.want)
			}
		})
	}
}
