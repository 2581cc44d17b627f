// Package atomicfile writes files that appear complete and on disk, or not at all.
package atomicfile
