// Package hub fetches weights from the Hugging Face hub into the cache that the hub's
// own tools use, through go-huggingface. It adds what that module lacks: interrupted
// transfers resume, every file is checked against the hub's checksum, and earlier
// fetches are found offline.
//
// Start reading at reference.go (what a user may write) and fetch.go ([Fetch]);
// transfer.go moves and checks one file.
package hub
