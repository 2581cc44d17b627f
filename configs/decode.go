package configs

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"

	"gopkg.in/yaml.v3"
)

// derivedKey is the section of a resolved configuration that is recomputed at
// every start and not read.
const derivedKey = "derived"

// decoder puts the values of a YAML document into a configuration. It knows which
// source stated each key, and collects what is wrong with the document.
type decoder struct {
	config  *Config
	source  func(n *yaml.Node) string // where a node stands, for messages
	sources map[string]string         // of the keys stated so far, by dotted name
	faults  []error
}

func (d *decoder) fault(n *yaml.Node, field, format string, args ...any) {
	d.faults = append(d.faults, &FieldError{Source: d.source(n), Field: field, Reason: fmt.Sprintf(format, args...)})
}

// section decodes the mapping n into the struct v, the section of that name.
func (d *decoder) section(n *yaml.Node, v reflect.Value, name string) {
	n = resolved(n)
	switch {
	case n.Kind == yaml.ScalarNode && n.Tag == "!!null":
		return
	case n.Kind != yaml.MappingNode && name == "":
		d.fault(n, "", "want keys with values, such as task: panoptic")
		return
	case n.Kind != yaml.MappingNode:
		d.fault(n, name, "is a section: state keys below it, as %s", d.keysBelow(name))
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		full := join(name, key.Value)
		if seen[key.Value] {
			d.fault(key, full, "duplicate key")
			continue
		}
		seen[key.Value] = true
		if full == derivedKey {
			continue
		}
		field, ok := fieldOf(v, key.Value)
		switch {
		case !ok:
			d.unknown(key, full)
		case isSection(field.Type()):
			d.section(value, allocated(field), full)
		default:
			d.sources[full] = d.source(value)
			d.value(resolved(value), field, full)
		}
	}
}

// allocated is the struct of a section, made where it is missing.
func allocated(v reflect.Value) reflect.Value {
	if v.Kind() != reflect.Pointer {
		return v
	}
	if v.IsNil() {
		v.Set(reflect.New(v.Type().Elem()))
	}
	return v.Elem()
}

// resolved follows an alias to what it stands for.
func resolved(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

// value decodes a key's value.
func (d *decoder) value(n *yaml.Node, v reflect.Value, name string) {
	if n.Tag == "!!null" && v.Kind() != reflect.String {
		d.fault(n, name, "has no value: want %s", typeName(v.Type()))
		return
	}
	into := reflect.New(v.Type())
	if err := n.Decode(into.Interface()); err != nil || altered(n, v.Type()) {
		d.fault(n, name, "want %s, got %s", typeName(v.Type()), plain(n))
		return
	}
	v.Set(into.Elem())
}

// altered says whether package yaml decodes n without an error into another value
// than was written: null in a list becomes zero; of whole numbers, a fraction is cut
// off, one beyond the range of the type is clipped, and 010 is octal.
func altered(n *yaml.Node, t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Pointer:
		return altered(n, t.Elem())
	case reflect.Slice, reflect.Array:
		for _, element := range n.Content {
			if element = resolved(element); element.Tag == "!!null" || altered(element, t.Elem()) {
				return true
			}
		}
	case reflect.Int, reflect.Uint64:
		if n.Tag == "!!float" {
			var x float64
			return n.Decode(&x) != nil || x != math.Trunc(x) || math.Abs(x) > 1<<53
		}
		digits := strings.TrimLeft(n.Value, "+-")
		return len(digits) > 1 && digits[0] == '0' && '0' <= digits[1] && digits[1] <= '9'
	}
	return false
}

// plain is a node on one line.
func plain(n *yaml.Node) string {
	if n.Kind == yaml.ScalarNode {
		return fmt.Sprintf("%q", n.Value)
	}
	raw, err := yaml.Marshal(n)
	if err != nil {
		return "something else"
	}
	return strings.Join(strings.Fields(string(raw)), " ")
}

func (d *decoder) unknown(n *yaml.Node, name string) {
	var known []string
	sections := map[string]bool{}
	for _, k := range Keys(*d.config) {
		for at := strings.LastIndexByte(k.Name, '.'); at > 0; at = strings.LastIndexByte(k.Name[:at], '.') {
			if section := k.Name[:at]; !sections[section] {
				sections[section] = true
				known = append(known, section)
			}
		}
		known = append(known, k.Name)
	}
	hint := "docs/configuration.md lists all keys"
	if near := nearest(name, known); near != "" {
		hint = "did you mean " + near + "?"
	}
	d.faults = append(d.faults, fmt.Errorf("%s: unknown key %s; %s", d.source(n), name, hint))
}

// keysBelow names a key of a section as an example.
func (d *decoder) keysBelow(section string) string {
	for _, k := range Keys(*d.config) {
		if strings.HasPrefix(k.Name, section+".") {
			return k.Name
		}
	}
	return section + ".KEY"
}

func (d *decoder) err() error { return errors.Join(d.faults...) }
