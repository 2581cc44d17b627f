package data

import "math"

// Color returns a colour for class i of a data set that states none. Hues are one
// golden angle apart, so that neighbours in the class table look different.
func Color(i int) [3]uint8 {
	var rgb [3]uint8
	for channel := range rgb {
		phase := float64(i)*2.399963 + float64(channel)*2*math.Pi/3
		rgb[channel] = uint8(140 + 110*math.Cos(phase))
	}
	return rgb
}
