package rle

import (
	"errors"
	"fmt"
	"math"
)

// Bits of one character, after subtracting textBase: five of the value, low
// ones first, and whether more follow. A value's last character also holds its
// sign in the highest of the five.
const (
	textBase  = 48
	textBits  = 5
	textMore  = 1 << textBits
	textSign  = 1 << (textBits - 1)
	textValue = textMore - 1
	textChars = 7 // of one value: enough for a difference of two 32-bit runs
)

// FromString decodes COCO's compressed string s. From the fourth run on, s holds
// the difference from the run two before. It is an error if s holds another
// character, ends inside a number, has a negative run, or does not add up to h*w.
func FromString(s string, h, w int) (Mask, error) {
	if err := checkSize(h, w); err != nil {
		return Mask{}, err
	}
	counts := make([]uint32, 0, len(s))
	for at := 0; at < len(s); {
		value, n := int64(0), 1
		if c := s[at] - textBase; c < textMore { // most numbers are of one character
			value = int64(c) - int64(c&textSign)<<1
		} else {
			var err error
			if value, n, err = readNumber(s[at:]); err != nil {
				return Mask{}, fmt.Errorf("rle: string of %d characters, at %d: %w", len(s), at, err)
			}
		}
		if i := len(counts); i > 2 {
			value += int64(counts[i-2])
		}
		if value < 0 || value > math.MaxUint32 {
			return Mask{}, fmt.Errorf("rle: string of %d characters, at %d: run of %d pixels", len(s), at, value)
		}
		counts = append(counts, uint32(value))
		at += n
	}
	if err := checkSum(counts, h, w); err != nil {
		return Mask{}, err
	}
	return Mask{H: h, W: w, Counts: counts}, nil
}

// readNumber returns the number at the start of s and its characters.
func readNumber(s string) (value int64, n int, err error) {
	for n < len(s) && n < textChars {
		c := s[n] - textBase
		if c >= 2*textMore {
			return 0, 0, fmt.Errorf("character %q does not belong to a compressed mask", s[n])
		}
		value |= int64(c&textValue) << (textBits * n)
		n++
		if c&textMore == 0 {
			if c&textSign != 0 {
				value |= -1 << (textBits * n)
			}
			return value, n, nil
		}
	}
	if n == textChars {
		return 0, 0, errors.New("number is too long")
	}
	return 0, 0, errors.New("ends inside a number")
}

// String returns COCO's compressed string of the mask.
func (m Mask) String() string {
	text := make([]byte, 0, 2*len(m.Counts))
	for i, c := range m.Counts {
		value := int64(c)
		if i > 2 {
			value -= int64(m.Counts[i-2])
		}
		for more := true; more; {
			c := byte(value & textValue)
			value >>= textBits
			if c&textSign != 0 {
				more = value != -1
			} else {
				more = value != 0
			}
			if more {
				c |= textMore
			}
			text = append(text, c+textBase)
		}
	}
	return string(text)
}
