// Package labelfiles reads folders of predicted label PNGs beside their ground
// truth, for scoring without a model, as ADE20K's and Cityscapes' official tools
// name and read them or with the user's own class file.
//
// Start reading at open.go; format.go holds what differs between data sets.
package labelfiles
