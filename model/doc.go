// Package model builds the graph of EoMT (arXiv 2503.19108): a plain ViT whose
// tokens are joined by learned queries before the last blocks, and a small
// prediction head. It also builds the networks that the paper compares EoMT with, up to
// ViT-Adapter with Mask2Former. It turns a description (package arch) into graph functions and
// is independent of data, losses and files.
//
// Graph functions take and return *Node and panic, with the shapes in the text, on
// mismatched shapes; commands and the training step recover that as an error in one
// place. Everything other than graph functions returns errors.
//
// Axis letters in tensor names: B batch; H, W image; h, w mask grid; D width;
// N patches; R prefix tokens (cls and registers); Q queries; S = Q+R+N tokens;
// A heads; E head dimension; C classes (no-object is index C); L blocks that
// see queries (the paper's L2).
//
// Start reading at network.go, the interface that training and inference use, then
// eomt.go, the forward pass top-down, or mask2former.go for the other networks. Package arch has sizes and parameter names.
package model
