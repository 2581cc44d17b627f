// Package memory reads how much memory this process has used and may still take, and
// reads and writes sizes such as 24GiB.
package memory
