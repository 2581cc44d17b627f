// Package labelfiles reads folders of predicted label PNGs together with their ground
// truth, for scoring without a model, in the naming of ADE20K's and Cityscapes'
// official tools or with the user's own class file.
//
// Start reading at open.go; format.go holds what differs between data sets.
package labelfiles
