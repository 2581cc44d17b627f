// Package shapes generates a small data set in COCO's panoptic and instance
// formats, so that everything can be trained and tested with nothing prepared:
// circles, squares, triangles and stars that overlap each other, on textured
// sky, grass, water and sand, with crowds and void regions among them.
//
// An image depends on the seed, the split and its index alone. Start reading at
// generate.go; scene.go composes an image, texture.go colours it, and format.go
// writes it down.
package shapes
