// Package baseline decodes the JPEG files that data sets and cameras are made of:
// Huffman coded, sequential, 8 bits, gray or luma and chroma in one scan. It is
// twice as fast as image/jpeg and its inverse cosine transform is libjpeg's, so
// that its planes are those that Pillow reads, sample by sample.
//
// Whatever else a file is, progressive, CMYK, in several scans or damaged, gives
// [ErrOther]: image/jpeg reads it, or says what is wrong with it.
//
// Start reading at decode.go; bits.go has the Huffman codes, cosine.go the
// transform.
package baseline
