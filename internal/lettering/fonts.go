package lettering

import (
	"bytes"
	"io"
	"log"
	"sync"
	"unicode"

	"github.com/go-text/typesetting/font"
	"github.com/go-text/typesetting/fontscan"
	"github.com/go-text/typesetting/shaping"
	"golang.org/x/image/font/gofont/goregular"
)

// fonts finds the font of each letter. Faces cache glyphs, so mu guards them all.
type fonts struct {
	mu     sync.Mutex
	base   *font.Face
	system func() *fontscan.FontMap // searched for when the first letter needs it; nil if there are no fonts
	shaper shaping.HarfbuzzShaper
}

// installed are the fonts of this program and of the system.
var installed = newFonts(systemFonts)

func newFonts(system func() *fontscan.FontMap) *fonts {
	base, err := font.ParseTTF(bytes.NewReader(goregular.TTF))
	if err != nil {
		panic("lettering: the font of the program: " + err.Error())
	}
	return &fonts{base: base, system: sync.OnceValue(system)}
}

// systemFonts indexes the system's fonts; the index is kept in the user's cache folder.
func systemFonts() *fontscan.FontMap {
	found := fontscan.NewFontMap(log.New(io.Discard, "", 0))
	if err := found.UseSystemFonts(""); err != nil { // no fonts, or no cache folder
		return nil
	}
	found.SetQuery(fontscan.Query{Families: []string{fontscan.SansSerif}})
	return found
}

// ResolveFace is the face of a letter: the program's own where it has the letter
// or no font has it.
func (f *fonts) ResolveFace(r rune) *font.Face {
	if face := f.covering(r); face != nil {
		return face
	}
	return f.base
}

// covering is the first face that can draw a letter, or nil.
func (f *fonts) covering(r rune) *font.Face {
	if draws(f.base, r) {
		return f.base
	}
	if system := f.system(); system != nil {
		if face := system.ResolveFace(r); face != nil && draws(face, r) {
			return face
		}
	}
	return nil
}

// draws reports whether a face has an outline of a letter. Glyphs that are pictures,
// such as those of coloured emoji, do not count.
func draws(face *font.Face, r rune) bool {
	glyph, found := face.NominalGlyph(r)
	if !found || glyph == 0 {
		return false
	}
	outline, is := face.GlyphDataOutline(glyph)
	return is && (len(outline.Segments) > 0 || unicode.IsSpace(r))
}
