// Package model builds the graph of EoMT (arXiv 2503.19108): a plain ViT with
// learned queries put in front of its tokens before the last blocks, and one
// small predict step. It turns a description (package arch) into graph functions
// and knows nothing of data, losses or files.
//
// Graph functions take and return *Node and panic with shapes in the text where
// shapes do not fit; commands and the training step turn that into an error at
// one place. Everything else returns errors.
//
// Axis letters in tensor names: B batch; H, W image; h, w mask grid; D width;
// N patches; R prefix tokens (cls and registers); Q queries; S = Q+R+N tokens;
// A heads; E head dimension; C classes (no-object is index C); L blocks that
// see queries (the paper's L2).
//
// Start reading at network.go, the interface that training and inference work
// with, then eomt.go, its forward pass top-down. Sizes and parameter names are
// package arch's.
package model
