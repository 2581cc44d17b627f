//go:build !turbo || !cgo

package decode_test

import (
	"bytes"
	"testing"

	"eomt/data/decode"
)

func TestArithmeticCoding(t *testing.T) {
	raw := bytes.Replace(read(t, "testdata/gray.jpg"), []byte("\xff\xc0"), []byte("\xff\xc9"), 1)
	_, err := decode.Image(raw, "a.jpg")
	wantFormatError(t, err, "a.jpg", "unsupported JPEG: arithmetic coding, which -tags turbo reads")
}
