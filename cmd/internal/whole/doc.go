// Package whole writes files that appear whole or not at all.
package whole
