// Package hub gets weights from the Hugging Face hub into the cache that its
// own tools share, through go-huggingface. What that module leaves out is added
// here: interrupted transfers resume, every file is checked against the
// checksum that the hub publishes, and what was fetched before is found again
// without a network.
//
// Start reading at reference.go (what a user may write) and fetch.go ([Fetch]);
// transfer.go moves and checks one file.
package hub
