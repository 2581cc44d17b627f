//go:build !cgo || noxla || !(linux || darwin)

package backend

const xlaCompiled = false

func plugins() []string { return nil }
