// Package inflate unpacks deflate streams (RFC 1951), as zips hold them, twice as
// fast as compress/flate: input is taken eight bytes at a time, and output is
// written to a window from which long reads are served.
//
// Start reading at reader.go; codes.go builds the look-up tables.
package inflate
