package report

import (
	"fmt"
	"math"
	"net/url"
	"strconv"
	"strings"

	"eomt/eval"
)

// Kind is how a number is printed.
type Kind int

const (
	Fraction   Kind = iota // in percent with one decimal
	Difference             // of fractions: likewise, with its sign
	Decimal                // three decimals
	Count                  // a whole number
)

// Number is a printed result.
type Number struct {
	Run      string // or a combination of runs: "B minus A", "mean of A, B"
	Step     int
	Protocol eval.Protocol
	Metric   string
	Class    string // label, or bin or image; empty for all
	Pred     string // confusion: what the class was predicted as
	Kind     Kind
	Value    float64 // NaN if it is not defined
	// Low and High are the ends of the 95 % interval, of a mean over seeds the
	// least and greatest; NaN if there are none.
	Low, High float64
}

// Key is RUN/METRIC[/CLASS[/PREDICTED]], each part escaped as in a URL's path.
func (n Number) Key() string { return Key(n.parts()...) }

// Key joins the parts of a number's key.
func Key(parts ...string) string {
	escaped := make([]string, len(parts))
	for i, p := range parts {
		escaped[i] = url.PathEscape(p)
	}
	return strings.Join(escaped, "/")
}

// The ends of a number's interval have separate keys.
const (
	lowEnd  = ":low"
	highEnd = ":high"
)

// LowKey is the key of the interval's lower end, RUN/METRIC:low[/...].
func (n Number) LowKey() string { n.Metric += lowEnd; return n.Key() }

// HighKey is the key of the interval's upper end, RUN/METRIC:high[/...].
func (n Number) HighKey() string { n.Metric += highEnd; return n.Key() }

func (n Number) parts() []string {
	parts := []string{n.Run, n.Metric}
	if n.Class != "" || n.Pred != "" {
		parts = append(parts, n.Class)
	}
	if n.Pred != "" {
		parts = append(parts, n.Pred)
	}
	return parts
}

// tex is the value as LaTeX prints it.
func (k Kind) tex(value float64) string {
	if math.IsNaN(value) {
		return "--"
	}
	text := ""
	switch k {
	case Fraction:
		text = strconv.FormatFloat(100*value, 'f', 1, 64)
	case Difference:
		text = fmt.Sprintf("%+.1f", 100*value)
	case Decimal:
		text = strconv.FormatFloat(value, 'f', 3, 64)
	default:
		return strconv.FormatFloat(value, 'f', 0, 64)
	}
	if strings.Trim(text, "-+0.") == "" { // no -0.0
		text = strings.TrimLeft(text, "-+")
	}
	return text
}
