package decode

import (
	"bytes"
	"image"
	"image/png"
	"strings"
	"testing"
)

func TestSizeWithoutDecoding(t *testing.T) {
	var out bytes.Buffer
	if err := png.Encode(&out, image.NewGray(image.Rect(0, 0, 7, 5))); err != nil {
		t.Fatal(err)
	}
	head := out.Bytes()[:40] // no pixels
	if w, h, err := Size(head, "head.png"); err != nil || w != 7 || h != 5 {
		t.Errorf("%d x %d, %v", w, h, err)
	}
	for text, raw := range map[string]string{"the file is empty": "", "not a readable image": "hello", "truncated PNG": string(head[:20])} {
		if _, _, err := Size([]byte(raw), "x"); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%q: %v, want %s", raw, err, text)
		}
	}
}
