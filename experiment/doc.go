// Package experiment turns a configuration into a run: data sets, network, training
// step, the run itself and its evaluations. The commands are thin layers over it, and
// programs outside this module can use it in the same way.
//
// Start reading at run.go, which goes from a configuration to a trained network; the
// other files build one part each.
package experiment
