package names

import (
	"embed"
	"fmt"
	"slices"
	"strings"

	"eomt/arch"
)

// Format names a convention for the names of a model's parameters.
type Format string

// The formats that have a table.
const (
	Native         Format = "native"
	OfficialDINOv2 Format = "official"
	OfficialDINOv3 Format = "official-dinov3"
	HFDINOv2       Format = "hf-eomt"
	HFDINOv3       Format = "hf-eomt-dinov3"
	TimmDINOv2     Format = "timm-dinov2" // this and the following: backbones alone
	TimmDINOv3     Format = "timm-dinov3"
	MetaDINOv2     Format = "dinov2"
	MetaDINOv3     Format = "dinov3"
	HFBackboneV2   Format = "hf-dinov2"
	HFBackboneV3   Format = "hf-dinov3"
	HFMask2Former  Format = "hf-mask2former" // decoders alone
)

// formats are in the order of preference where names alone do not decide:
// DINOv2 without registers and mask token has the same names as in timm.
var formats = []Format{Native, OfficialDINOv2, OfficialDINOv3, HFDINOv2, HFDINOv3,
	TimmDINOv2, TimmDINOv3, MetaDINOv2, MetaDINOv3, HFBackboneV2, HFBackboneV3, HFMask2Former}

// Table is a format's rows and other properties.
type Table struct {
	Format Format

	kind         arch.Kind // empty if the names allow both
	rows         []row     // by preference, see usage
	buffers      []string  // patterns of tensors that are not parameters
	foreign      []string  // prefixes of a part that no network of ours has
	clsRow       clsRow
	flatPosition bool // pos_embed is [patches, D] instead of [1, patches, D]
	zeroBias     bool // an absent attn.qkv.bias is zero
	zeroKey      bool // the key's third of attn.qkv.bias counts as zero
}

// row defines a parameter of ours as the tensors of parts, joined along their
// first axis. In patterns "{}" is a number and "*" is weight or bias, the same
// on both sides; the part "0" is as many zeros as the part before it has elements.
type row struct {
	use   usage
	ours  string
	parts []string
}

// usage states when a row applies. A parameter is read by the first row whose
// parts are all there, in the order of these constants.
type usage int

const (
	always  usage = iota
	gated         // with a gated MLP (SwiGLU)
	plain         // with an MLP that is not gated
	reading       // other versions' names; never written
)

const zeroPart = "0"

// clsRow reports whether pos_embed begins with a row that belongs to cls_token.
type clsRow string

const (
	clsRowAlways           clsRow = "always"
	clsRowWithoutRegisters clsRow = "without-registers"
)

//go:embed tables/*.txt
var tableFiles embed.FS

var tables = parseTables()

// Lookup is the table of a format; it panics on a format that is none of the constants.
func Lookup(format Format) *Table {
	i := slices.Index(formats, format)
	if i < 0 {
		panic(fmt.Sprintf("names: no table for format %q", format))
	}
	return tables[i]
}

// HF reports whether files of the format come with transformers' config.json.
func (t *Table) HF() bool { return strings.HasPrefix(string(t.Format), "hf-") }

// Kind is the family of backbone that the format is for, empty for both.
func (t *Table) Kind() arch.Kind { return t.kind }

func parseTables() []*Table {
	parsed := make([]*Table, len(formats))
	for i, format := range formats {
		if format == Native {
			parsed[i] = nativeTable()
			continue
		}
		text, err := tableFiles.ReadFile("tables/" + string(format) + ".txt")
		if err != nil {
			panic(err)
		}
		t := &Table{Format: format}
		for line := range strings.Lines(string(text)) {
			if err := t.parseLine(strings.TrimSpace(line)); err != nil {
				panic(fmt.Sprintf("names: tables/%s.txt: %q: %v", format, line, err))
			}
		}
		slices.SortStableFunc(t.rows, func(a, b row) int { return int(a.use - b.use) })
		parsed[i] = t
	}
	return parsed
}

// parseLine takes a comment, a property or a row: "[gated|plain|read] OURS = A + B".
func (t *Table) parseLine(line string) error {
	if line == "" || line[0] == '#' {
		return nil
	}
	if left, right, ok := strings.Cut(line, " = "); ok {
		r := row{parts: strings.Split(right, " + ")}
		words := strings.Fields(left)
		if len(words) == 2 {
			use, known := map[string]usage{"gated": gated, "plain": plain, "read": reading}[words[0]]
			if !known {
				return fmt.Errorf("no such usage")
			}
			r.use = use
		}
		r.ours = words[len(words)-1]
		t.rows = append(t.rows, r)
		return nil
	}
	property, value, _ := strings.Cut(line, " ")
	switch property {
	case "kind":
		t.kind = arch.Kind(value)
	case "buffer":
		t.buffers = append(t.buffers, value)
	case "foreign":
		t.foreign = append(t.foreign, value)
	case "cls-row":
		t.clsRow = clsRow(value)
	case "flat-position":
		t.flatPosition = true
	case "zero-bias":
		t.zeroBias = true
	case "zero-key":
		t.zeroKey = true
	default:
		return fmt.Errorf("no such property")
	}
	return nil
}
