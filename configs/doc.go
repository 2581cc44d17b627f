// Package configs holds the configurations of runs (YAML files in this folder)
// and their strict reader. Only commands read it: every room takes a small
// struct of its own.
//
// A file states what differs from the published recipe, which is [Default];
// what follows from other values (steps, annealing spans, classes) is derived by
// [Config.Resolve], never pasted. Start reading at config.go.
package configs
