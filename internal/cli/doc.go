// Package cli is what all commands share around their work: flags, the exit code,
// one-line errors and the end on Ctrl-C. Start reading at main.go.
package cli
