// Package folder reads the user's own data: images, PNG label maps of the same
// names, and a small YAML file that maps labels to classes.
//
//	ROOT/images/train/a.jpg    ROOT/images/val/...
//	ROOT/labels/train/a.png    ROOT/labels/val/...
//	ROOT/classes.yaml
//
// Each folder may be a zip instead: ROOT/images.zip with images/train/a.jpg.
// Start reading at folder.go; classes.go reads the YAML file.
package folder
