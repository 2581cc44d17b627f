// Package weights opens whatever holds the weights of an EoMT or of its
// backbone (a checkpoint of this project, a folder of Hugging Face's, an
// official pytorch_model.bin, timm's or Meta's backbones) as one thing: a
// [Model] of tensors by our names with its architecture, complete and checked.
// It fits them to a model of another size and writes them in other formats.
//
// Start reading at model.go ([Open]); source.go reads files, infer.go and
// hfconfig.go find the architecture, specs.go says which parameters it has,
// fit.go resizes and matches, deltas.go adds differences to a base, write.go is
// the way out.
package weights
