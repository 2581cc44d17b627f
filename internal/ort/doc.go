// Package ort runs exported files in ONNX Runtime, whose shared library `make setup
// ORT=cpu` fetches. A process opens one such library. Without cgo every session is an
// error that says so.
//
// Start reading at session.go; library.go finds the library.
package ort
