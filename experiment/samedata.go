package experiment

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"

	"eomt/data"
)

// comparedSamples is how many samples of a data set are read for its fingerprint.
const comparedSamples = 8

// fingerprint identifies a data set in a moment: a checksum of its classes and the
// description of every image, and of the pixels and targets of a few samples, first and
// last among them. What cannot be read is part of it with its error.
func fingerprint(set data.Dataset) string {
	sum := sha256.New() // which has no errors
	text := json.NewEncoder(sum)
	text.Encode(set.Classes())
	n := set.Len()
	for i := range n {
		text.Encode(set.Info(i))
	}
	few := min(n, comparedSamples)
	for k := range few {
		s, err := set.Load(k * (n - 1) / max(few-1, 1))
		if err != nil {
			fmt.Fprint(sum, err)
			continue
		}
		sum.Write(s.Image.Pix)
		text.Encode(s.Instances)
		binary.Write(sum, binary.LittleEndian, s.Masks.Bits)
	}
	return fmt.Sprintf("%x", sum.Sum(nil))
}
