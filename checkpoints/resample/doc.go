// Package resample brings the two parameters of a ViT that depend on its
// geometry to another one: the patch embedding to another patch size
// ([PatchEmbed]) and the position embedding to another grid ([Grid]). Both rest
// on one linear map, PIL's antialiased bicubic resize of a line, which Torch's
// interpolate(mode="bicubic", antialias=True) does as well.
//
// Start reading at bicubic.go.
package resample
