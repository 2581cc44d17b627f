package serve

import (
	"embed"
	"net/http"
	"path"
)

//go:embed page
var files embed.FS

//go:embed openapi.json
var openapiJSON []byte

// contentPolicy lets the page load nothing but itself and what it makes.
const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// page answers / and /page/FILE.
func page(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("file")
	if name == "" {
		name = "index.html"
	}
	types := map[string]string{".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}
	raw, err := files.ReadFile("page/" + name)
	if err != nil {
		refusalOf(refuse(http.StatusNotFound, "the page has no file %s", name)).write(w)
		return
	}
	w.Header().Set("Content-Type", types[path.Ext(name)])
	w.Header().Set("Content-Security-Policy", contentPolicy)
	w.Header().Set("Referrer-Policy", "no-referrer")
	_, _ = w.Write(raw)
}

func openapi(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(openapiJSON)
}
