// Package shapes generates a small data set in COCO's panoptic and instance
// formats, for training and testing without a download:
// overlapping circles, squares, triangles and stars on textured sky, grass, water
// and sand, with crowds and void regions.
//
// An image depends on the seed, the split and its index alone. Start reading at
// generate.go; scene.go composes an image, texture.go colours it, and format.go
// writes the files; dataset.go declares the data set format.
package shapes
