// Package cli holds what all commands share: flags, exit codes, one-line errors and
// the handling of Ctrl-C. Start reading at main.go.
package cli
