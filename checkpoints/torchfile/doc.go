// Package torchfile reads and writes the tensors of files made by torch.save:
// the zip format of PyTorch 1.6 and later, and for reading the legacy format
// before it. Such a file is a pickle, a program for building objects; the
// interpreter here knows the instructions and the handful of classes that a
// table of tensors needs and refuses any other by name, so that nothing from a
// file is ever executed.
//
// Start reading at open.go ([Open]); zip.go and legacy.go find pickle and
// storages in the two formats, unpickle.go is the interpreter, globals.go its
// classes, strided.go turns a view of a storage into a tensor, write.go is the
// way back.
package torchfile
