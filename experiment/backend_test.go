package experiment

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"eomt/configs"
)

// A backend that cannot be opened must be said before data is generated.
func TestBackendIsOpenedBeforeData(t *testing.T) {
	t.Setenv("PJRT_PLUGIN_LIBRARY_PATH", t.TempDir())
	for name, want := range map[string]string{
		"cuda":     `unknown backend "cuda": did you mean xla:cuda?`,
		"xla:cuda": "`make setup PJRT=cuda13` fetches it",
	} {
		root := filepath.Join(t.TempDir(), "shapes")
		c, err := configs.Read("../configs/quickstart.yaml", "data.root="+root)
		if err != nil {
			t.Fatal(err)
		}
		_, err = Open(context.Background(), c, Options{Dir: filepath.Join(t.TempDir(), "run"), Backend: name})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("-backend %s: %v, want %q", name, err, want)
		}
		if _, err := os.Stat(root); !os.IsNotExist(err) {
			t.Errorf("-backend %s: data was generated first", name)
		}
	}
}
