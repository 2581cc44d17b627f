// Package overlay draws what a sample's targets are onto its image, for people to
// see at a glance whether masks and classes are right. Start reading at overlay.go.
package overlay
