// Package jpeg decodes JPEG files to the samples that libjpeg-turbo, and so
// Pillow, decodes them to, bit by bit: Huffman coded, 8 bits, sequential or
// progressive, of 1, 3 or 4 components with any sampling factors that libjpeg
// takes, with or without restart markers. The result is planes; package decode
// upsamples them and converts their colours.
//
// Differs: libjpeg smooths blocks of a progressive file whose scans leave its low
// frequencies incomplete, and resynchronises at damaged restart markers. Here the
// former are decoded as they are, and the latter are an error.
//
// Start reading at decode.go. frame.go and segments.go read what precedes a scan;
// sequential.go and progressive.go the blocks of a scan; bits.go Huffman codes;
// cosine.go has the inverse transform.
package jpeg
