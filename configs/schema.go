package configs

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"eomt/data/formats"
)

// A component declares its keys as fields of a struct with these tags:
//
//	yaml    the key; "-" for fields that are not keys; ",inline" for a struct whose
//	        keys belong to the section around it
//	doc     what the key means, one sentence or two
//	range   for numbers, the interval of its values, such as [0, 1] or (0, inf);
//	        of each element where the field is a list
//	choice  for text, the values that it may have, separated by spaces
//	default what the reference page says in place of the value that stands for
//	        "not stated"
//
// Everything else in this package works on these tags.

// Key is one key of a configuration.
type Key struct {
	Name    string // dotted, as -set takes it
	Doc     string
	Range   string   // interval; numbers only
	Choices []string // text only
	Default string   // what holds where the value means "not stated"
	value   reflect.Value
}

// Type names the values of the key for people.
func (k Key) Type() string { return typeName(k.value.Type()) }

// Value is the key's value as a configuration file has it; empty if it is not stated.
func (k Key) Value() string { return text(k.value) }

// Keys lists the keys of c in the order in which they are written. Sections that
// c leaves out have their keys too.
func Keys(c Config) []Key {
	var list []Key
	walk(reflect.ValueOf(&c).Elem(), "", func(k Key) {
		if k.Name == "data.format" {
			k.Choices = formats.Names()
		}
		list = append(list, k)
	})
	return list
}

// walk visits the keys below the struct v; missing sections are visited as empty ones.
func walk(v reflect.Value, section string, visit func(Key)) {
	for i := range v.NumField() {
		field := v.Type().Field(i)
		name, inline := keyOf(field)
		switch value := v.Field(i); {
		case name == "" && !inline:
		case inline:
			walk(value, section, visit)
		case isSection(field.Type):
			if value.Kind() == reflect.Pointer {
				if value.IsNil() {
					value = reflect.New(field.Type.Elem())
				}
				value = value.Elem()
			}
			walk(value, join(section, name), visit)
		default:
			visit(Key{Name: join(section, name), Doc: field.Tag.Get("doc"), Range: field.Tag.Get("range"),
				Choices: strings.Fields(field.Tag.Get("choice")), Default: field.Tag.Get("default"), value: value})
		}
	}
}

// keyOf reads a field's yaml tag; name is empty for a field that is not a key.
func keyOf(field reflect.StructField) (name string, inline bool) {
	tag, tagged := field.Tag.Lookup("yaml")
	name, options, _ := strings.Cut(tag, ",")
	if !tagged || name == "-" {
		return "", false
	}
	return name, slices.Contains(strings.Split(options, ","), "inline")
}

// fieldOf finds the field of the struct v that holds a key of its section.
func fieldOf(v reflect.Value, key string) (reflect.Value, bool) {
	for i := range v.NumField() {
		name, inline := keyOf(v.Type().Field(i))
		if name == key && key != "" {
			return v.Field(i), true
		}
		if inline {
			if found, ok := fieldOf(v.Field(i), key); ok {
				return found, true
			}
		}
	}
	return reflect.Value{}, false
}

// isSection reports whether a type holds keys rather than a value.
func isSection(t reflect.Type) bool {
	return t.Kind() == reflect.Struct || t.Kind() == reflect.Pointer && t.Elem().Kind() == reflect.Struct
}

func join(section, name string) string {
	if section == "" {
		return name
	}
	return section + "." + name
}

func typeName(t reflect.Type) string {
	if named, ok := reflect.Zero(t).Interface().(interface{ TypeName() string }); ok {
		return named.TypeName()
	}
	switch t.Kind() {
	case reflect.Pointer:
		return typeName(t.Elem())
	case reflect.Int:
		return "a whole number"
	case reflect.Uint64:
		return "a whole number of at least 0"
	case reflect.Float64:
		return "a number"
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "text"
	case reflect.Array:
		return fmt.Sprintf("a list of %d numbers", t.Len())
	case reflect.Map:
		return "numbers by name"
	case reflect.Slice:
		if t.Elem().Kind() == reflect.String {
			return "a list of texts"
		}
		return "a list of whole numbers"
	}
	panic(fmt.Sprintf("configs: no key may have the type %s", t))
}

// check says what is wrong with the key's value, or nothing.
func (k Key) check() string {
	if len(k.Choices) > 0 && !slices.Contains(k.Choices, k.value.String()) {
		return fmt.Sprintf("%q is none of %s", k.value, strings.Join(k.Choices, ", "))
	}
	if k.Range == "" {
		return ""
	}
	within := parseInterval(k.Range)
	for _, x := range numbers(k.value) {
		if !within.holds(x) {
			return fmt.Sprintf("%v is outside of %s", text(k.value), k.Range)
		}
	}
	return ""
}

// text is a value as a configuration file has it.
func text(v reflect.Value) string {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return ""
		}
		return text(v.Elem())
	case reflect.Slice, reflect.Array:
		parts := make([]string, v.Len())
		for i := range parts {
			parts[i] = text(v.Index(i))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case reflect.Map:
		var parts []string
		for _, key := range sortedKeys(v) {
			parts = append(parts, key+": "+text(v.MapIndex(reflect.ValueOf(key))))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case reflect.Float64:
		return strconv.FormatFloat(v.Float(), 'g', -1, 64)
	}
	return fmt.Sprint(v)
}

// numbers are those that a value consists of.
func numbers(v reflect.Value) []float64 {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return nil
		}
		return numbers(v.Elem())
	case reflect.Int:
		return []float64{float64(v.Int())}
	case reflect.Uint64:
		return []float64{float64(v.Uint())}
	case reflect.Float64:
		return []float64{v.Float()}
	case reflect.Slice, reflect.Array:
		var all []float64
		for i := range v.Len() {
			all = append(all, numbers(v.Index(i))...)
		}
		return all
	case reflect.Map:
		var all []float64
		for _, key := range sortedKeys(v) {
			all = append(all, v.MapIndex(reflect.ValueOf(key)).Float())
		}
		return all
	}
	return nil
}

// sortedKeys are the keys of a map of numbers by name.
func sortedKeys(v reflect.Value) []string {
	var keys []string
	for _, key := range v.MapKeys() {
		keys = append(keys, key.String())
	}
	slices.Sort(keys)
	return keys
}

// interval is a range of numbers. Infinities and NaN lie in none.
type interval struct {
	low, high         float64
	openLow, openHigh bool
}

// parseInterval reads a range tag; a tag that is none is a fault of the program.
func parseInterval(tag string) interval {
	low, high, ok := strings.Cut(strings.Trim(tag, "[]()"), ",")
	i := interval{openLow: strings.HasPrefix(tag, "("), openHigh: strings.HasSuffix(tag, ")")}
	var errLow, errHigh error
	i.low, errLow = strconv.ParseFloat(strings.TrimSpace(low), 64)
	i.high, errHigh = strconv.ParseFloat(strings.TrimSpace(high), 64)
	if !ok || errLow != nil || errHigh != nil {
		panic(fmt.Sprintf("configs: range tag %q is not an interval", tag))
	}
	return i
}

func (i interval) holds(x float64) bool {
	above := x > i.low || x == i.low && !i.openLow
	below := x < i.high || x == i.high && !i.openHigh
	return above && below && !math.IsInf(x, 0)
}
