package train

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"testing"
)

// repository is a git repository of one commit with the given files.
func repository(t *testing.T, root string, files map[string]string) (head string) {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	writeTree(t, root, files)
	for _, args := range [][]string{{"init", "-q"}, {"add", "-A"},
		{"-c", "user.name=n", "-c", "user.email=e", "-c", "commit.gpgsign=false", "commit", "-q", "-m", "m"}} {
		if out, err := git(root, args...); err != nil {
			t.Fatal(args, out, err)
		}
	}
	head, err := git(root, "rev-parse", "HEAD")
	if err != nil {
		t.Fatal(err)
	}
	return head
}

func writeTree(t *testing.T, root string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

var thisModule = map[string]string{"go.mod": "module eomt\n", "train/commit.go": "package train\n"}

// Of a binary that the toolchain did not stamp, the source folder's repository is
// asked, never that of the current directory.
func TestCommitOfTheSource(t *testing.T) {
	root := t.TempDir()
	head := repository(t, root, thisModule)
	elsewhere := t.TempDir()
	repository(t, elsewhere, map[string]string{"x": "y"})
	t.Chdir(elsewhere)
	file := filepath.Join(root, "train", "commit.go")
	if commit, dirty := sourceCommit(nil, file); commit != head || dirty {
		t.Errorf("commit %q, dirty %v, want %q", commit, dirty, head)
	}
	writeTree(t, root, map[string]string{"more.go": ""})
	if commit, dirty := sourceCommit(nil, file); commit != head || !dirty {
		t.Errorf("with a change: commit %q, dirty %v", commit, dirty)
	}
}

func TestCommitUnknown(t *testing.T) {
	here := t.TempDir()
	repository(t, here, map[string]string{"x": "y"})
	t.Chdir(here)

	bare := t.TempDir()
	writeTree(t, bare, thisModule)
	vendored := t.TempDir()
	repository(t, vendored, map[string]string{"main.go": "package main"})
	writeTree(t, filepath.Join(vendored, "copy"), thisModule) // which it does not track
	other := t.TempDir()
	repository(t, other, map[string]string{"go.mod": "module other\n", "train/commit.go": "package train\n"})
	for name, file := range map[string]string{
		"trimmed path":   "eomt/train/commit.go",
		"no repository":  filepath.Join(bare, "train", "commit.go"),
		"untracked copy": filepath.Join(vendored, "copy", "train", "commit.go"),
		"another module": filepath.Join(other, "train", "commit.go"),
		"gone":           filepath.Join(t.TempDir(), "train", "commit.go"),
	} {
		if commit, dirty := sourceCommit(nil, file); commit != UnknownCommit || dirty {
			t.Errorf("%s: commit %q, dirty %v", name, commit, dirty)
		}
	}
}

// The stamp of a binary is this module's only where this module is the main one.
func TestCommitOfTheBinary(t *testing.T) {
	info := &debug.BuildInfo{Main: debug.Module{Path: modulePath}, Settings: []debug.BuildSetting{
		{Key: "vcs.revision", Value: "abc"}, {Key: "vcs.modified", Value: "true"}}}
	if commit, dirty := sourceCommit(info, "eomt/train/commit.go"); commit != "abc" || !dirty {
		t.Errorf("commit %q, dirty %v", commit, dirty)
	}
	info.Main.Path = "example.com/user"
	if commit, _ := sourceCommit(info, "eomt/train/commit.go"); commit != UnknownCommit {
		t.Errorf("as a dependency: commit %q", commit)
	}
}
