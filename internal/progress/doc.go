// Package progress shows how far a long command is: a bar on a terminal, a plain
// line now and then where standard error is a file or a pipe. Rate and time left
// come from recent counts. Start reading at progress.go.
package progress
