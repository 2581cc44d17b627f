// Package experiment turns a configuration into a run: data sets, network, training
// step, the run itself and its evaluations. Commands are thin on top of it, and
// programs outside of this module can use it as they do.
//
// Start reading at run.go, which is the whole way from a configuration to a trained
// network; the other files make one part each.
package experiment
