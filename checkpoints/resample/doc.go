// Package resample resizes the two parameters of a ViT that depend on its geometry:
// the patch embedding to another patch size ([PatchEmbed]) and the position embedding
// to another grid ([Grid]). Both use one linear map, PIL's antialiased bicubic resize
// of a line, which equals torch's interpolate(mode="bicubic", antialias=True).
//
// Start reading at bicubic.go.
package resample
