// Package names says how other formats spell the parameters of an EoMT and its
// backbone.
package names
