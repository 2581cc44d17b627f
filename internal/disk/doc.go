// Package disk waits for space where a disk or a quota is full.
package disk
