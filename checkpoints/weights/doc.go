// Package weights opens the weights of an EoMT or of its backbone in any format (a
// checkpoint of this project, a Hugging Face folder, an official pytorch_model.bin,
// timm's or Meta's backbones) as a [Model]: tensors by our names with their
// architecture, complete and checked. It fits them to a model of another size and
// writes them in other formats.
//
// Start reading at model.go ([Open]); source.go reads files, infer.go and
// hfconfig.go find the architecture, specs.go says which parameters it has,
// fit.go resizes and matches, decoders.go reads the decoders of a Mask2Former,
// deltas.go adds differences to a base, write.go writes
// the other formats.
package weights
