package main

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"eomt/data"
	"eomt/data/ade20k"
	"eomt/data/archive/archivetest"
	"eomt/data/cityscapes"
	"eomt/data/coco"
	"eomt/data/decode"
)

// The data sets' official layouts, generated: an image has a stuff class all over
// and two things on it.
const (
	sceneW, sceneH = 48, 40
	sceneImages    = 3 // a split
)

// sceneThings are the corners of the two things of scene i: x0, y0, x1, y1.
func sceneThings(i int) [2][4]int {
	return [2][4]int{{2 + i, 3, 18 + i, 20}, {24, 12 + i, 44, 34 + i}}
}

// labelsOf paints background and things of scene i with the given values.
func labelsOf[T any](i int, background T, things [2]T) []T {
	all := make([]T, sceneW*sceneH)
	for p := range all {
		all[p] = background
	}
	for k, box := range sceneThings(i) {
		for y := box[1]; y < box[3]; y++ {
			for x := box[0]; x < box[2]; x++ {
				all[y*sceneW+x] = things[k]
			}
		}
	}
	return all
}

// picture is the image of scene i.
func picture(t *testing.T, i int, extension string) []byte {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, sceneW, sceneH))
	for p, v := range labelsOf(i, uint8(40), [2]uint8{120, 220}) {
		img.Set(p%sceneW, p/sceneW, color.RGBA{v, 255 - v, uint8(3 * (p % sceneW)), 255})
	}
	var file bytes.Buffer
	encode := func() error { return png.Encode(&file, img) }
	if extension == ".jpg" {
		encode = func() error { return jpeg.Encode(&file, img, nil) }
	}
	if err := encode(); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

func labelPNG(t *testing.T, values []uint16) []byte {
	t.Helper()
	raw, err := decode.EncodeLabels(values, sceneW, sceneH)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func idPNG(t *testing.T, values []uint32) []byte {
	t.Helper()
	raw, err := decode.EncodeIDs(values, sceneW, sceneH)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// scenes calls f for each image of both splits.
func scenes(f func(split string, i int)) {
	for _, split := range []string{"train", "val"} {
		for i := range sceneImages {
			f(split, i)
		}
	}
}

// object is a JSON object.
type object = map[string]any

func jsonOf(t *testing.T, v any) []byte {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// cocoHead is what both annotation formats have in common.
func cocoHead(classes []data.Class) object {
	var images, categories []object
	for i := range sceneImages {
		images = append(images, object{"id": i + 1, "file_name": fmt.Sprintf("%012d.jpg", i+1), "width": sceneW, "height": sceneH})
	}
	for _, c := range classes {
		isThing := 0
		if c.Thing {
			isThing = 1
		}
		categories = append(categories, object{"id": c.ID, "name": c.Name, "isthing": isThing})
	}
	return object{"images": images, "categories": categories}
}

// addCOCOImages adds train2017.zip and val2017.zip.
func addCOCOImages(t *testing.T, root archivetest.Files) {
	for _, split := range []string{"train", "val"} {
		images := archivetest.Files{}
		for i := range sceneImages {
			images[fmt.Sprintf("%s2017/%012d.jpg", split, i+1)] = picture(t, i, ".jpg")
		}
		root[split+"2017.zip"] = images.Zip(t, zip.Store)
	}
}

func cocoInstance(t *testing.T) archivetest.Files {
	root, annotations := archivetest.Files{}, archivetest.Files{}
	addCOCOImages(t, root)
	classes := coco.InstanceClasses()
	for _, split := range []string{"train", "val"} {
		document := cocoHead(classes)
		var list []object
		for i := range sceneImages {
			for k, b := range sceneThings(i) {
				list = append(list, object{"id": 10*i + k + 1, "image_id": i + 1, "category_id": classes[5+k].ID, "iscrowd": 0,
					"area": (b[2] - b[0]) * (b[3] - b[1]), "segmentation": [][]int{{b[0], b[1], b[2], b[1], b[2], b[3], b[0], b[3]}}})
			}
		}
		list = append(list, object{"id": 99, "image_id": 1, "category_id": classes[5].ID, "iscrowd": 1, "area": sceneH,
			"segmentation": object{"size": []int{sceneH, sceneW}, "counts": []int{0, sceneH, sceneH * (sceneW - 1)}}})
		document["annotations"] = list
		annotations["annotations/instances_"+split+"2017.json"] = jsonOf(t, document)
	}
	root["annotations_trainval2017.zip"] = annotations.Zip(t, zip.Deflate)
	return root
}

// cocoPanoptic has the zip of the label maps inside of that of the annotations.
func cocoPanoptic(method uint16) func(t *testing.T) archivetest.Files {
	return func(t *testing.T) archivetest.Files {
		root, outer := archivetest.Files{}, archivetest.Files{}
		addCOCOImages(t, root)
		classes := coco.PanopticClasses()
		ids := [3]int{200<<16 | 5, 7, 300}
		for _, split := range []string{"train", "val"} {
			document, maps := cocoHead(classes), archivetest.Files{}
			var list []object
			for i := range sceneImages {
				name := fmt.Sprintf("%012d.png", i+1)
				values := labelsOf(i, uint32(ids[0]), [2]uint32{uint32(ids[1]), uint32(ids[2])})
				maps["panoptic_"+split+"2017/"+name] = idPNG(t, values)
				var segments []object
				for k, id := range ids {
					area := 0
					for _, v := range values {
						if int(v) == id {
							area++
						}
					}
					segments = append(segments, object{"id": id, "category_id": classes[[]int{100, 3, 4}[k]].ID, "iscrowd": 0, "area": area})
				}
				list = append(list, object{"image_id": i + 1, "file_name": name, "segments_info": segments})
			}
			document["annotations"] = list
			outer["annotations/panoptic_"+split+"2017.json"] = jsonOf(t, document)
			outer["annotations/panoptic_"+split+"2017.zip"] = maps.Zip(t, zip.Deflate)
		}
		root["panoptic_annotations_trainval2017.zip"] = outer.Zip(t, method)
		return root
	}
}

// ade20kZips has the semantic and the instance maps.
func ade20kZips(t *testing.T) archivetest.Files {
	main, instances := archivetest.Files{}, archivetest.Files{}
	var things []uint16 // semantic labels of the thing classes, in the instance maps' order
	for i, c := range ade20k.Classes() {
		if c.Thing {
			things = append(things, uint16(i+1))
		}
	}
	scenes(func(split string, i int) {
		folder := map[string]string{"train": "training", "val": "validation"}[split]
		name := fmt.Sprintf("%s/ADE_%s_%08d", folder, split, i+1)
		main["ADEChallengeData2016/images/"+name+".jpg"] = picture(t, i, ".jpg")
		main["ADEChallengeData2016/annotations/"+name+".png"] = labelPNG(t, labelsOf(i, uint16(1), [2]uint16{things[2], things[7]}))
		instances["annotations_instance/"+name+".png"] = idPNG(t, labelsOf(i, uint32(0), [2]uint32{3 | 1<<8, 8 | 2<<8}))
	})
	return archivetest.Files{"ADEChallengeData2016.zip": main.Zip(t, zip.Deflate), "annotations_instance.zip": instances.Zip(t, zip.Deflate)}
}

// cityscapesFolders has all kinds of label maps that the official scripts leave
// beside each other.
func cityscapesFolders(t *testing.T) archivetest.Files {
	root := archivetest.Files{}
	classes := cityscapes.Classes()
	road, car := uint16(classes[0].ID), uint16(classes[13].ID)
	scenes(func(split string, i int) {
		name := fmt.Sprintf("%s/aachen/aachen_%06d_000019_", split, i)
		root["leftImg8bit/"+name+"leftImg8bit.png"] = picture(t, i, ".png")
		gt := "gtFine/" + name + "gtFine_"
		root[gt+"labelIds.png"] = labelPNG(t, labelsOf(i, road, [2]uint16{car, 4}))
		root[gt+"labelTrainIds.png"] = labelPNG(t, labelsOf(i, uint16(0), [2]uint16{13, 255}))
		root[gt+"instanceIds.png"] = labelPNG(t, labelsOf(i, road, [2]uint16{car * 1000, 4}))
		root[gt+"color.png"] = picture(t, i, ".png")
		root[gt+"polygons.json"] = []byte("{}")
	})
	return root
}

// cityscapesZips holds the same in the official zips.
func cityscapesZips(t *testing.T) archivetest.Files {
	images, labels := archivetest.Files{}, archivetest.Files{}
	for name, raw := range cityscapesFolders(t) {
		if strings.HasPrefix(name, "gtFine/") {
			labels[name] = raw
		} else {
			images[name] = raw
		}
	}
	return archivetest.Files{"leftImg8bit_trainvaltest.zip": images.Zip(t, zip.Deflate), "gtFine_trainvaltest.zip": labels.Zip(t, zip.Deflate)}
}

const archiveRun = `name: tiny
task: TASK
model: {size: custom, image: [32, 32], queries: 6, width: 16, blocks: 2, heads: 2, mlp_hidden: 32, query_blocks: 1, patch: 8, registers: 1}
data: {format: FORMAT, root: ROOT, batch: 3}
train: {total_steps: 2, points: 16, log_every: 1, warmup: [1, 1]}
`

func archiveBench(t *testing.T, format, task string, root archivetest.Files) *bench {
	t.Helper()
	dir := t.TempDir()
	b := &bench{t: t, config: filepath.Join(dir, "tiny.yaml"), root: filepath.Join(dir, "data"), out: filepath.Join(dir, "run")}
	root.Write(t, b.root)
	b.write(b.config, strings.NewReplacer("ROOT", b.root, "TASK", task, "FORMAT", format).Replace(archiveRun))
	return b
}

// Every official layout trains and is evaluated, from the archives as they are.
func TestOfficialArchives(t *testing.T) {
	for _, test := range []struct {
		name, format, task string
		root               func(t *testing.T) archivetest.Files
		headline           string // a field of the stored result
	}{
		{"coco instance", "coco", "instance", cocoInstance, `"AP50"`},
		{"coco panoptic nested zip stored", "coco", "panoptic", cocoPanoptic(zip.Store), `"pq"`},
		{"coco panoptic nested zip deflated", "coco", "panoptic", cocoPanoptic(zip.Deflate), `"pq"`},
		{"ade20k semantic", "ade20k", "semantic", ade20kZips, `"mIoU"`},
		{"ade20k panoptic", "ade20k", "panoptic", ade20kZips, `"pq"`},
		{"cityscapes semantic folders", "cityscapes", "semantic", cityscapesFolders, `"mIoU"`},
		{"cityscapes semantic zips", "cityscapes", "semantic", cityscapesZips, `"mIoU"`},
		{"cityscapes panoptic folders", "cityscapes", "panoptic", cityscapesFolders, `"pq"`},
		{"cityscapes instance zips", "cityscapes", "instance", cityscapesZips, `"AP"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := archiveBench(t, test.format, test.task, test.root(t))
			text, err := b.train()
			if err != nil {
				t.Fatal(err)
			}
			if want := fmt.Sprintf("step 2, %d validation images", sceneImages); !strings.Contains(text, want) {
				t.Errorf("printed %q, want %q", text, want)
			}
			if steps := b.steps(); len(steps) != 2 {
				t.Errorf("steps %v logged, want 2", steps)
			}
			result, err := os.ReadFile(filepath.Join(b.out, "eval", "step-00000002.json"))
			if err != nil || !bytes.Contains(result, []byte(test.headline)) {
				t.Errorf("the stored result lacks %s (%v)", test.headline, err)
			}
		})
	}
}

// A broken image in an archive ends training with its name, or is skipped where
// that is configured; evaluation never skips.
func TestBrokenImageInArchive(t *testing.T) {
	spoil := func(root archivetest.Files, split string) {
		name := split + "2017.zip"
		raw := bytes.Clone(root[name])
		at := bytes.Index(raw, []byte{0xff, 0xda}) // inside of the first image, which is stored: a wrong CRC-32
		raw[at+20] ^= 0xff
		root[name] = raw
	}
	const want = "checksum (CRC-32) does not match"
	root := cocoInstance(t)
	spoil(root, "train")
	b := archiveBench(t, "coco", "instance", root)
	if _, err := b.train(); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "train2017.zip/train2017/00000000000") {
		t.Errorf("training on a broken image: %v", err)
	}
	if err := os.RemoveAll(b.out); err != nil {
		t.Fatal(err)
	}
	if _, err := b.train("-set", "data.on_bad_sample=skip"); err != nil {
		t.Errorf("skipping a broken image: %v", err)
	}
	spoil(root, "val")
	b = archiveBench(t, "coco", "instance", root)
	if _, err := b.train("-set", "data.on_bad_sample=skip"); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "val2017.zip/val2017/00000000000") {
		t.Errorf("evaluating a broken image: %v", err)
	}
}
