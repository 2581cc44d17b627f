package train

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
)

// modulePath is this module's path in go.mod.
const modulePath = "eomt"

// UnknownCommit is the Commit of a [Start] whose source is unknown. The commit of another
// repository, such as the current directory's, would mislead.
const UnknownCommit = "unknown"

// sourceFile is where this file was when it was compiled: below the module's folder,
// or a bare module path in a binary built with -trimpath.
func sourceFile() string {
	_, file, _, _ := runtime.Caller(0)
	return file
}

// sourceCommit is the commit of this program's source, and whether there were
// uncommitted changes: as stamped into the binary by the toolchain, otherwise (go run
// and go test do not stamp) as reported by git for the source file's folder.
func sourceCommit(info *debug.BuildInfo, file string) (commit string, dirty bool) {
	if info != nil && info.Main.Path == modulePath {
		stamp := map[string]string{}
		for _, s := range info.Settings {
			stamp[s.Key] = s.Value
		}
		if revision := stamp["vcs.revision"]; revision != "" {
			return revision, stamp["vcs.modified"] == "true"
		}
	}
	root := filepath.Dir(filepath.Dir(file)) // file is ROOT/train/commit.go
	if !filepath.IsAbs(file) || !isThisModule(root) {
		return UnknownCommit, false
	}
	// A file that the repository does not track belongs to another.
	if _, err := git(root, "ls-files", "--error-unmatch", "--", file); err != nil {
		return UnknownCommit, false
	}
	head, err := git(root, "rev-parse", "HEAD")
	if err != nil {
		return UnknownCommit, false
	}
	status, err := git(root, "status", "--porcelain", "--", ".")
	return head, err != nil || status != ""
}

// isThisModule reports whether root holds this module's go.mod.
func isThisModule(root string) bool {
	raw, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		return false
	}
	first, _, _ := bytes.Cut(raw, []byte{'\n'})
	return strings.TrimSpace(string(first)) == "module "+modulePath
}

func git(dir string, args ...string) (string, error) {
	out, err := exec.Command("git", append([]string{"-C", dir}, args...)...).Output()
	return strings.TrimSpace(string(out)), err
}
