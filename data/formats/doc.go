// Package formats lists the data set formats. A new format is a package with a
// [data.Format] of its own and one line in formats.go; see docs/data.md.
package formats
