// Package progress shows the progress of a long command: a bar on a terminal,
// occasional plain lines if standard error is a file or a pipe. Rate and time left
// come from recent counts. Start reading at progress.go.
package progress
