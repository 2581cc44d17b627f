package configs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"gopkg.in/yaml.v3"
)

// Read reads a configuration over [Default], applies overrides of the form
// key=value (key dotted, value YAML; an empty value removes what a section states) and
// checks every value. A wrong override is an [OverrideError]. Where the file states no
// name, it is the file's own. The section derived of a resolved file is not read.
func Read(path string, overrides ...string) (Config, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return Config{}, fmt.Errorf("configs: %w", err)
	}
	document, err := parse(raw)
	if err != nil {
		return Config{}, fmt.Errorf("configs: %s: %w", path, err)
	}
	c := Default()
	d := &decoder{config: &c, sources: map[string]string{}}
	d.source = func(n *yaml.Node) string { return fmt.Sprintf("%s: line %d", path, n.Line) }
	d.section(document, reflect.ValueOf(&c).Elem(), "")
	if err := d.err(); err != nil {
		return Config{}, fmt.Errorf("configs: %w", err)
	}
	if holdsInlineDerived(document, d.sources) {
		c.dropDerived()
	}
	if err := d.override(overrides); err != nil {
		return Config{}, &OverrideError{fmt.Errorf("configs: %w", err)}
	}
	if err := c.validate(path, d.sources); err != nil {
		if err.overrides() {
			return Config{}, &OverrideError{fmt.Errorf("configs: %w", err)}
		}
		return Config{}, fmt.Errorf("configs: %w", err)
	}
	if c.Name == "" {
		c.Name = strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
	}
	return c, nil
}

// parse reads one YAML document.
func parse(raw []byte) (*yaml.Node, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(raw))
	document := new(yaml.Node)
	if err := decoder.Decode(document); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, errors.New("the file is empty")
		}
		return nil, errors.New(strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one document")
	}
	return document.Content[0], nil
}

// override applies overrides in order. Of keys that exclude each other an
// override replaces what the file states.
func (d *decoder) override(overrides []string) error {
	for _, override := range overrides {
		source := "-set " + override
		key, text, ok := strings.Cut(override, "=")
		key = strings.TrimSpace(key)
		if !ok || key == "" || strings.Contains(override, "\n") {
			return fmt.Errorf("%s: expected key=value, for example train.total_steps=1000", source)
		}
		if isBelow(key, derivedKey) {
			return fmt.Errorf("%s: what is derived is recomputed from the other keys at every start; set those", source)
		}
		empty := strings.TrimSpace(text) == ""
		if (empty || text == "null") && d.removed(key) {
			continue
		}
		if empty {
			text = `""` // YAML's empty value is null
		}
		value, err := parse([]byte(text))
		if err != nil {
			return fmt.Errorf("%s: the value is not YAML: %w", source, err)
		}
		d.source = func(*yaml.Node) string { return source }
		d.section(nested(key, value), reflect.ValueOf(d.config).Elem(), "")
		if err := d.err(); err != nil {
			return err
		}
	}
	d.config.replaceAlternatives(d.sources)
	return nil
}

// removed takes out what a section states: an optional one is absent then, others
// have their defaults.
func (d *decoder) removed(key string) bool {
	v := reflect.ValueOf(d.config).Elem()
	for part := range strings.SplitSeq(key, ".") {
		if v.Kind() != reflect.Struct {
			return false
		}
		field, ok := fieldOf(v, part)
		if !ok {
			return false
		}
		v = field
	}
	if !isSection(v.Type()) {
		return false
	}
	d.config.reset(key)
	for name := range d.sources {
		if isBelow(name, key) {
			delete(d.sources, name)
		}
	}
	return true
}

// nested is the document {a: {b: {c: value}}} of the key a.b.c.
func nested(key string, value *yaml.Node) *yaml.Node {
	parts := strings.Split(key, ".")
	for i := len(parts) - 1; i >= 0; i-- {
		name := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: parts[i]}
		value = &yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{name, value}}
	}
	return value
}
