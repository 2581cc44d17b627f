// Package labelmap reads data sets whose targets are label maps: PNG files of an
// image's size whose pixels are class labels or ids. Packages ade20k, cityscapes and
// folder define where such files are and what their values mean.
//
// Start reading at dataset.go; semantic.go turns a map of class labels into targets.
package labelmap
