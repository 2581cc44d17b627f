// Package onnx writes a network as an ONNX file, node by node, from the architecture
// and the weights. It needs no engine.
//
//	arch.Architecture + tensors -> graph (nodes, initialisers) -> file
//
// The file has one input, pixel_values [batch, 3, H, W], and two outputs,
// class_queries_logits [batch, Q, C+1] and masks_queries_logits [batch, Q, h, w], the
// final prediction. batch is dynamic. A node and its output have one name, a path such
// as blocks.0.attn.q. An initialiser that is a parameter as it is keeps the parameter's
// name; one that was computed adds what was done: backbone.blocks.0.attn.proj.weight/ls1/T.
//
// Start reading at network.go ([Write]); eomt.go and mask2former.go are the forward
// passes top-down, with a file a part, as in package model; graph.go collects nodes,
// file.go writes them, one initialiser in memory at a time; metadata.go is what the file
// says of itself.
package onnx
