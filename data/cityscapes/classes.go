package cityscapes

import (
	"slices"

	"eomt/data"
)

// Classes returns the 19 evaluated classes in order of their train id. A class's ID
// is its label id, which files of the official evaluation use. Source:
// cityscapesScripts, helpers/labels.py.
func Classes() []data.Class { return slices.Clone(classes[:]) }

// Things returns those of [Classes] that have instances, in order.
func Things() []data.Class {
	return slices.DeleteFunc(Classes(), func(c data.Class) bool { return !c.Thing })
}

// Images returns how many images a split ("train" or "val") of the official data
// has, 0 for any other, so that steps can be derived without the data.
func Images(split string) int { return map[string]int{"train": 2975, "val": 500}[split] }

// Thing is set for classes with instances.
var classes = [19]data.Class{
	{ID: 7, Name: "road", Color: [3]uint8{128, 64, 128}},
	{ID: 8, Name: "sidewalk", Color: [3]uint8{244, 35, 232}},
	{ID: 11, Name: "building", Color: [3]uint8{70, 70, 70}},
	{ID: 12, Name: "wall", Color: [3]uint8{102, 102, 156}},
	{ID: 13, Name: "fence", Color: [3]uint8{190, 153, 153}},
	{ID: 17, Name: "pole", Color: [3]uint8{153, 153, 153}},
	{ID: 19, Name: "traffic light", Color: [3]uint8{250, 170, 30}},
	{ID: 20, Name: "traffic sign", Color: [3]uint8{220, 220, 0}},
	{ID: 21, Name: "vegetation", Color: [3]uint8{107, 142, 35}},
	{ID: 22, Name: "terrain", Color: [3]uint8{152, 251, 152}},
	{ID: 23, Name: "sky", Color: [3]uint8{70, 130, 180}},
	{ID: 24, Name: "person", Thing: true, Color: [3]uint8{220, 20, 60}},
	{ID: 25, Name: "rider", Thing: true, Color: [3]uint8{255, 0, 0}},
	{ID: 26, Name: "car", Thing: true, Color: [3]uint8{0, 0, 142}},
	{ID: 27, Name: "truck", Thing: true, Color: [3]uint8{0, 0, 70}},
	{ID: 28, Name: "bus", Thing: true, Color: [3]uint8{0, 60, 100}},
	{ID: 31, Name: "train", Thing: true, Color: [3]uint8{0, 80, 100}},
	{ID: 32, Name: "motorcycle", Thing: true, Color: [3]uint8{0, 0, 230}},
	{ID: 33, Name: "bicycle", Thing: true, Color: [3]uint8{119, 11, 32}},
}
