// Package shards splits predicting many images over independent processes: each image
// belongs to the shard that the hash of its key chooses. A shard's folder has the
// results and manifest.jsonl: a first line that says of what run it is, then a line for
// each image that is done. A killed process goes on after the last of these. Merge puts
// complete shards of one run together.
//
// Start reading at shard.go; manifest.go has the file, writer.go writes a shard, merge.go
// joins them.
package shards
