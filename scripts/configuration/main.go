// Command configuration writes docs/configuration.md, the reference of all
// configuration keys, from the components' declarations. Run it with go generate
// ./configs; a test checks that the page is up to date.
package main

import (
	"fmt"
	"os"
	"strings"

	"eomt/configs"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "configuration: want the file to write, as docs/configuration.md")
		os.Exit(2)
	}
	if err := os.WriteFile(os.Args[1], []byte(page()), 0o666); err != nil {
		fmt.Fprintln(os.Stderr, "configuration:", err)
		os.Exit(1)
	}
}

const introduction = `# Configuration keys

Written by ` + "`go generate ./configs`" + ` from the declarations of the components; do not edit.

A configuration file states what differs from the defaults, which are the published recipe for COCO panoptic at 640 px. ` + "`-set key=value`" + `
changes a key by its dotted name, as in ` + "`-set train.lr=2e-4 -set 'model.image=[512, 512]'`" + `; an empty value takes out what a section states. Unknown keys,
values out of range and keys that have no effect beside the others are refused; only thresholds of
evaluation are accepted for every task. Of keys that exclude each other (epochs and total_steps; the ways
to state annealing) an override replaces what the file states.

A run's ` + "`config.yaml`" + ` holds all keys and a section ` + "`derived`" + ` (images, classes, steps, annealing spans, what train.fit leads to), which is recomputed at every start and not
read: it can be given to ` + "`-config`" + ` and changed by ` + "`-set`" + ` like the original. ` + "`go run ./cmd/train -config FILE -print-config`" + ` prints it.

Ranges are intervals: [0, 1] has its ends, (0, inf) excludes them; of a list each number lies in the range.
`

// page is the reference in Markdown.
func page() string {
	var b strings.Builder
	b.WriteString(introduction)
	section := "-"
	for _, k := range configs.Keys(configs.Default()) {
		if at, _, nested := strings.Cut(k.Name, "."); nested && at != section || !nested && section == "-" {
			section = ""
			if nested {
				section = at
			}
			heading(&b, section)
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", k.Name, strings.TrimPrefix(k.Type(), "a "), values(k), initial(k), k.Doc)
	}
	return b.String()
}

func heading(b *strings.Builder, section string) {
	title := "The run"
	if section != "" {
		title = "Section `" + section + "`"
	}
	fmt.Fprintf(b, "\n## %s\n\n| key | type | values | default | meaning |\n|---|---|---|---|---|\n", title)
}

func values(k configs.Key) string {
	if len(k.Choices) > 0 {
		return strings.Join(k.Choices, ", ")
	}
	return k.Range
}

func initial(k configs.Key) string {
	if k.Default != "" {
		return k.Default
	}
	return "`" + k.Value() + "`"
}
