// Package names maps the names of an EoMT's parameters between this project and
// foreign formats.
//
// Our names are those of the reference implementation's state dict without the
// prefixes "network.encoder." and "network."; layouts are torch's (Linear
// [out, in], convolution [out, in, kh, kw], transposed convolution [in, out,
// kh, kw]). For each format a file in tables/ lists row by row which tensors of
// the format make up which parameter of ours; the rest follows from the tables:
// which format a file has ([Detect]), reading ([Table.Read]), writing
// ([Table.Write]).
//
// Start reading at tables/hf-eomt.txt, then table.go, which defines the rows.
package names
