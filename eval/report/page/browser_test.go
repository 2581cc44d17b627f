package page

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// notHere is the exit status of check.sh where Chromium or Playwright is absent.
const notHere = 3

// browse opens a page as people do. The second result is false if the page is
// not good.
func browse(t *testing.T, page []byte) (string, bool) {
	t.Helper()
	dir := t.ArtifactDir()
	path := filepath.Join(dir, "report.html")
	if err := os.WriteFile(path, page, 0o666); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("../../../scripts/browser/check.sh", path, dir).CombinedOutput()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == notHere {
		t.Skipf("not opened in a browser: %s", out)
	}
	return string(out), err == nil
}

// The page is good in Chromium, on a desktop and on a phone, light and dark:
// see scripts/browser/check.py for what that means.
func TestInBrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("opens a browser")
	}
	var page bytes.Buffer
	if err := HTML(&page, sample(size{2, 60, 400, 60})); err != nil {
		t.Fatal(err)
	}
	if out, ok := browse(t, page.Bytes()); !ok {
		t.Error(out)
	}
}

// What the check is there to find, it finds.
func TestBrowserFindsFaults(t *testing.T) {
	if testing.Short() {
		t.Skip("opens a browser")
	}
	var page bytes.Buffer
	if err := HTML(&page, sample(size{1, 2, 3, 2})); err != nil {
		t.Fatal(err)
	}
	broken := page.String()
	for _, change := range []struct{ from, to string }{
		{"default-src 'none'; img-src data:; ", ""},
		{"</main>", `<p style="width:1400px;max-width:none">wide</p><p style="color:#999;background:#888">faint</p></main>`},
		{"</main>", `<img src="https://example.org/a.png" alt="far"><script>console.warn("careful"); nowhere()</script></main>`},
		{"data:image/png;base64,", "data:image/png;base64,AAAA"},
		{`id="commands"`, `id="elsewhere"`},
	} {
		if !strings.Contains(broken, change.from) {
			t.Fatalf("the page has no %q", change.from)
		}
		broken = strings.Replace(broken, change.from, change.to, 1)
	}
	out, ok := browse(t, []byte(broken))
	if ok {
		t.Error("a page with many faults passes")
	}
	for _, want := range []string{"scrolls to the side", "contrast of 1.2", "console warning: careful", "nowhere is not defined",
		"request: https://example.org/a.png", "not decoded: data:image/png;base64,AAAA", "the link #commands leads nowhere"} {
		if !strings.Contains(out, want) {
			t.Errorf("the check does not report %q:\n%s", want, out)
		}
	}
}
