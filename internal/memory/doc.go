// Package memory reads how much memory this process has used.
package memory
