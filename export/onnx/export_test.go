package onnx

// WriteLimited is [Write] with at most limit bytes of initialisers in one file.
func WriteLimited(path string, n Network, o Options, limit int64) error {
	return write(path, n, o, limit)
}
