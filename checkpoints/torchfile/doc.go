// Package torchfile reads and writes the tensors of files made by torch.save:
// the zip format of PyTorch 1.6 and later, and for reading the legacy format
// before it. Such a file is a pickle, a program that builds objects; the interpreter
// here supports the instructions and the few classes that a table of tensors needs
// and refuses all others by name, so that no code from a file is ever executed.
//
// Start reading at open.go ([Open]); zip.go and legacy.go find pickle and
// storages in the two formats, unpickle.go is the interpreter, globals.go its
// classes, strided.go turns a view of a storage into a tensor, write.go writes files.
package torchfile
