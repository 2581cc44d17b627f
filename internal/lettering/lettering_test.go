package lettering

import (
	"image"
	"image/color"
	"image/draw"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/go-text/typesetting/fontscan"
)

// alone has the program's own font only, as on a machine without fonts.
func alone() *fonts { return newFonts(func() *fontscan.FontMap { return nil }) }

var names = []string{"cat", "café crème", "Straße", "γάτα", "кошка", "mačka, łódź", "猫", "北京 bus", "고양이", "قطة كبيرة", "חתול", "बिल्ली", "แมว",
	"😀", "cat 🐈 & 👩‍🚀", "a\tb\nc", "\x00", "\u200b", "x\u0301", "👍🏽", "\ufffd", "\xff bad"}

// No glyph that stands for a missing letter is drawn, with or without fonts of the
// system, and what is drawn says something.
func TestNoMissingGlyphs(t *testing.T) {
	for kind, f := range map[string]*fonts{"installed": newFonts(systemFonts), "alone": alone()} {
		for _, name := range names {
			text := f.readable(name)
			if !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return !f.shown(r) }) {
				t.Errorf("%s: %q becomes %q, which has letters that cannot be drawn", kind, name, text)
			}
			for _, run := range f.shape(text, 13) {
				for _, glyph := range run.Glyphs {
					if glyph.GlyphID == 0 {
						t.Errorf("%s: %q is drawn with a missing glyph", kind, name)
					}
				}
			}
		}
	}
}

func TestReadableWithoutFonts(t *testing.T) {
	f := alone()
	for text, want := range map[string]string{"cat": "cat", "γάτα": "γάτα", "кошка": "кошка", "café": "café", "猫": "Mao", "北京 bus": "Bei Jing bus",
		"قطة": "qT@", "고양이": "goyangi", "😀": "grinning face", "big 🐈!": "big cat !", "a\tb": "a b", "\u200bx": "\u200bx", "x\u0301": "x", "\U0001f44d\U0001f3fd": "thumbs up sign", "\U0001f469\u200d\U0001f680": "woman rocket", "\U0010fffd": "U+10FFFD", "": ""} {
		if got := f.readable(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}

func TestLatin(t *testing.T) {
	for text, want := range map[string]string{"café": "café", "γάτα": "gata", "кошка 3": "koshka 3", "猫": "Mao", "a–b": "a–b", "🐈": "cat"} {
		got := Latin(text)
		if got != want || !IsLatin(got) || IsLatin(text) != (text == want) {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}

func TestNote(t *testing.T) {
	if got := Note([]string{"cat", "γάτα"}); got != "" {
		t.Errorf("a note on letters that are there: %s", got)
	}
	got := Note([]string{"\U0010fffd", "cat", "\U0010fffc", "\U0010fffb", "\U0010fffa", "\U0010fffa"})
	if !strings.Contains(got, "U+10FFFA") || !strings.Contains(got, `" and 1 more; install a font`) {
		t.Error(got)
	}
}

// Latin letters stand where they are drawn: something in ink within the line's
// width, nothing beside it; what lies outside the picture is left out.
func TestDraw(t *testing.T) {
	line := Set("Hxg", 20)
	if line.Width < 25 || line.Width > 45 || line.Text != "Hxg" {
		t.Fatalf("width %g of %q", line.Width, line.Text)
	}
	picture := image.NewNRGBA(image.Rect(0, 0, 100, 40))
	draw.Draw(picture, picture.Rect, image.White, image.Point{}, draw.Src)
	line.Draw(picture, 10, 30, image.Black)
	ink := image.Rectangle{}
	for y := range 40 {
		for x := range 100 {
			if picture.NRGBAAt(x, y) != (color.NRGBA{255, 255, 255, 255}) {
				ink = ink.Union(image.Rect(x, y, x+1, y+1))
			}
		}
	}
	if ink.Min.X < 10 || ink.Max.X > 10+int(line.Width)+1 || ink.Min.Y < 12 || ink.Min.Y > 18 || ink.Max.Y < 33 || ink.Max.Y > 37 {
		t.Errorf("ink in %v", ink)
	}
	line.Draw(picture, 95, 2, image.Black)
	Set("", 20).Draw(picture, 0, 0, image.Black)
	Set("  ", 20).Draw(picture, 0, 0, image.Black)
}

// A name from right to left begins at the right, also where a font changes in it.
func TestRightToLeft(t *testing.T) {
	f := newFonts(systemFonts)
	if f.covering('ق') == nil {
		t.Skip("no installed font has Arabic letters")
	}
	runs := f.shape("قطة (a) كبيرة", 13)
	order := ""
	for _, run := range runs {
		for _, g := range run.Glyphs {
			order += string([]rune("قطة (a) كبيرة")[g.TextIndex()])
		}
	}
	if !strings.HasPrefix(order, "ةطق") || !strings.HasSuffix(order, "ةريبك") {
		t.Errorf("drawn from left to right: %s", order)
	}
}

func FuzzReadable(f *testing.F) {
	for _, name := range names {
		f.Add(name)
	}
	bare := alone()
	f.Fuzz(func(t *testing.T, text string) {
		got := bare.readable(text)
		if strings.ContainsFunc(got, func(r rune) bool { return !bare.shown(r) }) {
			t.Errorf("%q becomes %q", text, got)
		}
		for _, run := range bare.shape(got, 13) {
			for _, glyph := range run.Glyphs {
				if glyph.GlyphID == 0 {
					t.Errorf("%q is drawn with a missing glyph", text)
				}
			}
		}
	})
}
