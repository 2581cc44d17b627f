// Package spelling compares names, for messages that suggest what a misspelled one
// stands for.
package spelling
