package configs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"gopkg.in/yaml.v3"
)

// Read reads a configuration over [Default], applies overrides of the form
// key=value (key dotted, value YAML) and checks every value. An unknown key is an
// error that names file and line.
func Read(path string, overrides ...string) (Config, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return Config{}, fmt.Errorf("configs: %w", err)
	}
	c := Default()
	if err := strict(raw, &c); err != nil {
		return Config{}, fmt.Errorf("configs: %s: %w", path, err)
	}
	for _, override := range overrides {
		if err := c.set(override); err != nil {
			return Config{}, fmt.Errorf("configs: -set %s: %w", override, err)
		}
	}
	return c, c.validate(path)
}

// Write gives the configuration as a file that [Read] takes.
func (c Config) Write(w io.Writer) error {
	encoder := yaml.NewEncoder(w)
	encoder.SetIndent(2)
	if err := encoder.Encode(c); err != nil {
		return fmt.Errorf("configs: %w", err)
	}
	return encoder.Close()
}

// set applies one override: a.b.c=value becomes the nested document {a: {b: {c: value}}}.
func (c *Config) set(override string) error {
	key, value, ok := strings.Cut(override, "=")
	if !ok || key == "" || strings.Contains(override, "\n") {
		return errors.New("expected key=value, for example train.total_steps=1000")
	}
	if strings.TrimSpace(value) == "" {
		value = `""` // nothing would be null, which changes nothing
	}
	var doc strings.Builder
	for i, part := range strings.Split(key, ".") {
		fmt.Fprintf(&doc, "\n%s%s:", strings.Repeat(" ", 2*i), part)
	}
	return strict([]byte(doc.String()+" "+value), c)
}

// strict decodes one document into c, refusing unknown keys and anything after it.
func strict(raw []byte, c *Config) error {
	decoder := yaml.NewDecoder(bytes.NewReader(raw))
	decoder.KnownFields(true)
	if err := decoder.Decode(c); err != nil {
		if errors.Is(err, io.EOF) {
			return errors.New("the file is empty")
		}
		return clean(err)
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return errors.New("more than one document")
	}
	return nil
}

// clean turns yaml's error into one line without Go type names.
func clean(err error) error {
	var typeError *yaml.TypeError
	if !errors.As(err, &typeError) {
		return errors.New(strings.TrimPrefix(err.Error(), "yaml: "))
	}
	lines := make([]string, len(typeError.Errors))
	for i, line := range typeError.Errors {
		if at := strings.Index(line, " not found in type "); at >= 0 {
			line = strings.Replace(line[:at], "field ", "unknown key ", 1)
		}
		lines[i] = strings.NewReplacer("!!", "", " into configs.", " into section ", " into data.", " into section ").Replace(line)
	}
	return errors.New(strings.Join(lines, "; "))
}
