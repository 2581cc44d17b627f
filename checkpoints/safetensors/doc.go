// Package safetensors reads and writes files of the safetensors format: eight
// bytes of header length, a JSON header of names, types, shapes and offsets,
// then the tensors' bytes. Everything that a header claims is checked against the
// file's size before it is used.
//
// Start reading at read.go ([Open]); header.go holds the checks, write.go the
// streaming writer. Format: github.com/huggingface/safetensors, README "Format".
package safetensors
