// Package lettering draws names of any script into pictures and figures.
//
// A [Line] is set in Go Regular, which is part of the program and has Latin, Greek
// and Cyrillic letters, and for other letters in fonts of the system. A letter that
// no font has is never drawn as a box: [Readable] spells it in Latin letters, or
// names it where it is a symbol.
//
// Start reading at line.go; fonts.go finds the fonts, readable.go replaces letters.
package lettering
