//go:build !cgo || noxla || !(linux || darwin)

package backend

const xlaCompiled = false
