// Package configs holds the configurations of runs (YAML files in this folder)
// and their strict reader.
//
// Each component declares its keys as tagged fields of its own struct, with a
// sentence, a range and its checks; [Config] puts them together and schema.go works
// on the tags. A file states what differs from the published recipe, which is
// [Default]. What follows from other values (steps, annealing spans, classes) is
// derived by [Config.Resolve] and kept apart, never pasted. docs/configuration.md
// lists all keys. Start reading at config.go.
//
//go:generate go run eomt/scripts/configuration ../docs/configuration.md
package configs
