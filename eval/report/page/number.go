package page

import (
	"fmt"
	"html"
	"html/template"
	"io"
	"math"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// Form is the format of a number.
type Form int

const (
	Percent Form = iota // a fraction, shown times 100 with one decimal: 44.7
	Points              // a difference of fractions, likewise, with its sign: +1.3
	Decimal             // three decimals: 0.447
	Count               // a whole number, in groups of three digits: 12 345
)

// Number is one result to be printed.
type Number struct {
	Key   string // of [Key]; what the number is, unique in a report. Empty: no number
	Value float64
	Form  Form
}

// Key joins the parts of a number's key, RUN/METRIC[/CLASS], with slashes;
// slashes inside the parts are escaped as in a URL.
func Key(parts ...string) string {
	escaped := make([]string, len(parts))
	for i, p := range parts {
		escaped[i] = url.PathEscape(p)
	}
	return strings.Join(escaped, "/")
}

// Shown is the number as printed. NaN is a dash.
func (n Number) Shown() string {
	if math.IsNaN(n.Value) {
		return "–"
	}
	text := ""
	switch n.Form {
	case Percent:
		text = strconv.FormatFloat(100*n.Value, 'f', 1, 64)
	case Points:
		text = fmt.Sprintf("%+.1f", 100*n.Value)
	case Decimal:
		text = strconv.FormatFloat(n.Value, 'f', 3, 64)
	default:
		text = grouped(strconv.FormatFloat(n.Value, 'f', 0, 64))
	}
	if strings.Trim(text, "-+0.") == "" { // no -0.0
		text = strings.TrimLeft(text, "-+")
	}
	return strings.Replace(text, "-", "\u2212", 1)
}

// grouped puts thin spaces between groups of three digits, from five digits on.
func grouped(digits string) string {
	sign := ""
	if strings.HasPrefix(digits, "-") {
		sign, digits = "-", digits[1:]
	}
	if len(digits) < 5 {
		return sign + digits
	}
	var groups []string
	for len(digits) > 3 {
		groups = append([]string{digits[len(digits)-3:]}, groups...)
		digits = digits[:len(digits)-3]
	}
	return sign + strings.Join(append([]string{digits}, groups...), "\u202f")
}

// precise is the number in full: parsing it gives the same bits.
func (n Number) precise() string { return strconv.FormatFloat(n.Value, 'g', -1, 64) }

// markup is the number as an element, empty for a zero Number.
func (n Number) markup() template.HTML {
	if n.Key == "" {
		return ""
	}
	return template.HTML(fmt.Sprintf(`<data class="n" value="%s" data-key="%s">%s</data>`,
		n.precise(), html.EscapeString(n.Key), n.Shown()))
}

// PrintedNumber is a [Number] as a page holds it.
type PrintedNumber struct {
	Key   string
	Value float64
	Shown string // what a reader sees: Number.Shown for the right number
}

var numberElement = regexp.MustCompile(`<data class="n" value="([^"]*)" data-key="([^"]*)">([^<]*)</data>`)

// Printed returns every number that a page prints, in order. It fails on an
// element that is not as this package writes them.
func Printed(r io.Reader) ([]PrintedNumber, error) {
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("page: read numbers: %w", err)
	}
	matches := numberElement.FindAllStringSubmatch(string(text), -1)
	if n := strings.Count(string(text), "<data "); n != len(matches) {
		return nil, fmt.Errorf("page: read numbers: %d of %d <data> elements are not as the report wrote them", n-len(matches), n)
	}
	numbers := make([]PrintedNumber, len(matches))
	for i, m := range matches {
		value, err := strconv.ParseFloat(m[1], 64)
		if err != nil {
			return nil, fmt.Errorf("page: read numbers: value %q of %s: %w", m[1], html.UnescapeString(m[2]), err)
		}
		numbers[i] = PrintedNumber{Key: html.UnescapeString(m[2]), Value: value, Shown: html.UnescapeString(m[3])}
	}
	return numbers, nil
}
