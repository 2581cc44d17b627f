// Package app is what the commands share: it turns a configuration into the
// rooms' own values (backend, data set, architecture, weights, evaluation) and
// ends a command with one clear line and its exit code. Start reading at main.go.
package app
