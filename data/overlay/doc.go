// Package overlay draws a sample's targets onto its image, to show at a glance whether
// masks and classes are right. Start reading at overlay.go.
package overlay
