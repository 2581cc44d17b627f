package folder

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"

	"eomt/data"
	"eomt/data/labelmap"

	"gopkg.in/yaml.v3"
)

// Table maps the labels of a data set to classes.
type Table struct {
	Classes []data.Class // in the order of the file, which is the contiguous order
	index   [math.MaxUint16 + 1]int32
}

// ClassOf returns the class index of a label, labelmap.Void or labelmap.Unknown.
func (t *Table) ClassOf(label uint16) int { return int(t.index[label]) }

// ParseClasses reads a class file, which path names in messages:
//
//	void: [255]           # labels of pixels that belong to no class; optional
//	classes:
//	  - {id: 0, name: road, color: [128, 64, 128]}   # color is optional
//	  - {id: 1, name: car, thing: true}
//
// Unknown keys, duplicate labels and missing names are errors.
func ParseClasses(raw []byte, path string) (*Table, error) {
	var f file
	decoder := yaml.NewDecoder(bytes.NewReader(raw))
	decoder.KnownFields(true)
	if err := decoder.Decode(&f); err != nil {
		text := strings.ReplaceAll(err.Error(), "\n", " ")
		return nil, &data.FormatError{Path: path, Reason: "not a class file: " + typeName.ReplaceAllString(text, " is not a key of this file")}
	}
	t := new(Table)
	for i := range t.index {
		t.index[i] = labelmap.Unknown
	}
	for i, c := range f.Classes {
		class, err := c.class(i)
		if err == nil {
			err = t.set(class.ID, int32(i))
		}
		if err != nil {
			return nil, &data.FormatError{Path: path, Record: fmt.Sprintf("class %d", i+1), Reason: err.Error()}
		}
		t.Classes = append(t.Classes, class)
	}
	if len(t.Classes) == 0 {
		return nil, &data.FormatError{Path: path, Reason: "names no classes"}
	}
	for _, label := range f.Void {
		if err := t.set(label, labelmap.Void); err != nil {
			return nil, &data.FormatError{Path: path, Record: "void", Reason: err.Error()}
		}
	}
	return t, nil
}

// file is the class file as YAML has it.
type file struct {
	Void    []int   `yaml:"void"`
	Classes []entry `yaml:"classes"`
}

type entry struct {
	ID    *int   `yaml:"id"`
	Name  string `yaml:"name"`
	Thing bool   `yaml:"thing"`
	Color []int  `yaml:"color"`
}

// typeName is how the YAML reader ends its message on an unknown key.
var typeName = regexp.MustCompile(` not found in type \S+`)

// class checks entry i of the file.
func (e entry) class(i int) (data.Class, error) {
	if e.ID == nil || e.Name == "" {
		return data.Class{}, errors.New("needs an id and a name")
	}
	c := data.Class{ID: *e.ID, Name: e.Name, Thing: e.Thing, Color: data.Color(i)}
	if len(e.Color) == 0 {
		return c, nil
	}
	if len(e.Color) != len(c.Color) || slices.Min(e.Color) < 0 || slices.Max(e.Color) > 255 {
		return data.Class{}, fmt.Errorf("color %v: want red, green and blue from 0 to 255", e.Color)
	}
	for channel, v := range e.Color {
		c.Color[channel] = uint8(v)
	}
	return c, nil
}

// set gives a label its meaning.
func (t *Table) set(label int, meaning int32) error {
	switch {
	case label < 0 || label > math.MaxUint16:
		return fmt.Errorf("label %d: want 0 to %d", label, math.MaxUint16)
	case t.index[label] != labelmap.Unknown:
		return fmt.Errorf("label %d is a duplicate", label)
	}
	t.index[label] = meaning
	return nil
}
