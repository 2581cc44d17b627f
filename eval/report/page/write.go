package page

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"image/color"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"

	"eomt/internal/atomicfile"
)

//go:embed page.tmpl
var pageText string

//go:embed style.css
var style template.CSS

//go:embed script.js
var script template.JS

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{
	"style":   func() template.CSS { return style },
	"script":  func() template.JS { return script },
	"num":     Number.markup,
	"chart":   figureElement,
	"color":   func(i int) int { return i % len(runColors) },
	"hex":     func(c color.RGBA) template.CSS { return template.CSS(fmt.Sprintf("#%02x%02x%02x", c.R, c.G, c.B)) },
	"sources": sources,
	"hasClasses": func(runs []Run) bool {
		return slices.ContainsFunc(runs, func(r Run) bool { return len(r.Classes.Rows) > 0 })
	},
	"hasKinds": func(rows []ClassRow) bool {
		return slices.ContainsFunc(rows, func(r ClassRow) bool { return r.Kind != "" })
	},
	"classView": newClassView,
	"bar":       func(n Number) float64 { return math.Round(n.Value*1000) / 1000 },
	"barred":    func(n Number) bool { return n.Form == Percent && n.finite() },
}).Parse(pageText))

// figureElement is a chart with its title.
func figureElement(c chart) (template.HTML, error) {
	var b bytes.Buffer
	err := figureTemplate.Execute(&b, map[string]any{"Title": c.title, "Of": c.of, "SVG": c.svg()})
	return template.HTML(b.String()), err
}

var figureTemplate = template.Must(template.New("figure").Parse(
	`<figure><figcaption><b>{{.Title}}</b>{{with .Of}} <span>{{.}}</span>{{end}}</figcaption>{{.SVG}}<output>&nbsp;</output></figure>`))

// sources are the sources of published figures, each once.
func sources(published []Published) []string {
	var all []string
	for _, p := range published {
		if !slices.Contains(all, p.Source) {
			all = append(all, p.Source)
		}
	}
	return all
}

// File is the page's name in a report's folder.
const File = "report.html"

// HTML writes the page.
func HTML(w io.Writer, r Content) error {
	v, err := newView(r)
	if err != nil {
		return err
	}
	if err := pageTemplate.Execute(w, v); err != nil {
		return fmt.Errorf("page: write report: %w", err)
	}
	return nil
}

// Write writes report.html and figures/NAME.{svg,pdf} into a folder, which it
// creates. Each file is written atomically; other files there are kept.
func Write(dir string, r Content) error {
	var page bytes.Buffer
	if err := HTML(&page, r); err != nil {
		return err
	}
	figures, err := paperFigures(r)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(dir, "figures"), 0o777); err != nil {
		return fmt.Errorf("page: write report: %w", err)
	}
	for name, content := range figures {
		if err := atomicfile.WriteBytes(filepath.Join(dir, "figures", name), content); err != nil {
			return fmt.Errorf("page: write report: %w", err)
		}
	}
	if err := atomicfile.WriteBytes(filepath.Join(dir, File), page.Bytes()); err != nil {
		return fmt.Errorf("page: write report: %w", err)
	}
	return nil
}
