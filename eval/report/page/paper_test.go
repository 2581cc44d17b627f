package page

import (
	"bytes"
	"testing"
)

// Names in any script are told apart in a PDF: no letter becomes a question mark.
func TestNamesInPDF(t *testing.T) {
	pdf := func(name string) []byte {
		c := &Confusion{Key: "k", Truth: []string{name}, Predicted: []string{"a"}, Counts: [][]float64{{1}}}
		files := map[string][]byte{}
		p, side := c.paper()
		if err := save(files, "confusion", p, side, side); err != nil {
			t.Fatal(err)
		}
		return files["confusion.pdf"]
	}
	for _, pair := range [][2]string{{"caf\u00e9", "cafe"}, {"\u03b3\u03b1\u03c4", "\u03c3\u03ba\u03c5"}, {"\u732b", "\u72ac"}, {"\u0642\u0637\u0629", "\u0643\u0644\u0628"}, {"\U0001f408", "\U0001f415"}} {
		if bytes.Equal(pdf(pair[0]), pdf(pair[1])) {
			t.Errorf("%s and %s are drawn alike", pair[0], pair[1])
		}
	}
}
