// Package formats lists the data set formats. A new format is a package with its own
// [data.Format] and one line in formats.go; see docs/data.md.
package formats
