package serve

import (
	"io/fs"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"eomt/eval/postprocess"
)

// The page loads nothing from elsewhere, and its policy would not let it.
func TestPage(t *testing.T) {
	_, web := start(t, &stub{}, postprocess.TaskPanoptic, Options{Token: "secret"})
	names, err := fs.Glob(files, "page/*")
	if err != nil || len(names) != 5 {
		t.Fatalf("%v, %v", names, err)
	}
	for _, path := range append(names, "") {
		response, err := http.Get(web.URL + "/" + path)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		policy := response.Header.Get("Content-Security-Policy")
		if response.StatusCode != 200 || strings.Contains(policy, "http") || strings.Contains(policy, "unsafe") || !strings.HasPrefix(policy, "default-src 'none'") {
			t.Errorf("/%s: %d, policy %q", path, response.StatusCode, policy)
		}
	}
	outside := regexp.MustCompile(`(src|href)="(https?:)?//|@import|url\(|fetch\("(https?:)?//`)
	for _, name := range names {
		raw, _ := files.ReadFile(name)
		if found := outside.Find(raw); found != nil {
			t.Errorf("%s has %q", name, found)
		}
	}
	if status, text := get(t, web.URL+"/page/passwd"); status != 404 || !strings.Contains(text, "has no file passwd") {
		t.Errorf("%d %s", status, text)
	}
	if status, _ := get(t, web.URL+"/v1/model"); status != 401 {
		t.Errorf("the description without the token: %d", status)
	}
}
