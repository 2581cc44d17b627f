package scripts_test

import (
	"archive/zip"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestFetchCUDA fetches wheels of this test's own from a folder: a plugin, a library
// and the tools, each in its wheel.
func TestFetchCUDA(t *testing.T) {
	if err := exec.Command("python3", "-m", "pip", "--version").Run(); err != nil {
		t.Skip("no python3 with pip")
	}
	dir := t.TempDir()
	library := filepath.Join(dir, "library.so")
	if out, err := exec.Command("cc", "-shared", "-x", "c", "/dev/null", "-o", library).CombinedOutput(); err != nil {
		t.Skipf("no C compiler: %v, %s", err, out)
	}
	content, err := os.ReadFile(library)
	if err != nil {
		t.Fatal(err)
	}
	wheels := filepath.Join(dir, "wheels")
	plugin := wheel(t, wheels, "fake_plugin-1.0", map[string]string{"jax/p/xla.so": string(content)})
	math := wheel(t, wheels, "fake_math-2.0", map[string]string{"nv/lib/libmath.so": string(content),
		"nv/bin/ptxas": "#!", "nv/nvvm/libdevice/libdevice.10.bc": "BC"})
	table := func(unpacked int, mathSum string) string {
		path := filepath.Join(dir, "table.txt")
		text := fmt.Sprintf("# a comment\ndriver 580.1\ndata nv\nplugin jax/p/xla.so\nwheel fake-math==2.0 %s 1000 %d\nwheel fake-plugin==1.0 %s 1000 1000\nlibrary nv/lib/libmath.so\n",
			mathSum, unpacked, plugin)
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		return path
	}
	folder := filepath.Join(dir, "cache")
	run := func(command, table string) (string, error) {
		c := exec.Command("python3", "wheels.py", command, table, folder)
		c.Env = append(os.Environ(), "PIP_NO_INDEX=1", "PIP_FIND_LINKS="+wheels)
		out, err := c.CombinedOutput()
		return string(out), err
	}
	expect := func(what, out string, err error, succeeds bool, want ...string) {
		t.Helper()
		if (err == nil) != succeeds {
			t.Errorf("%s: %v\n%s", what, err, out)
		}
		for _, w := range want {
			if !strings.Contains(out, w) {
				t.Errorf("%s: said %q, want %q in it", what, out, w)
			}
		}
	}

	out, err := run("fetch", table(1<<60, math))
	expect("full disk", out, err, false, "GB are free: make room, or set EOMT_CACHE to a folder of a larger disk")
	out, err = run("fetch", table(1000, strings.Repeat("0", 64)))
	expect("wrong checksum", out, err, false, "the download of fake-math==2.0 failed (see above); the next call continues from here")
	out, err = run("fetch", table(1000, math))
	expect("fetch", out, err, true, "setup: 2 of 2 packages to fetch: 0.00 GB to download", "the plugin and its 1 libraries are there", "driver 580.1 or newer")
	if info, err := os.Stat(filepath.Join(folder, "nv/bin/ptxas")); err != nil || info.Mode()&0o100 == 0 {
		t.Errorf("ptxas is not executable: %v, %v", info, err)
	}
	if _, err := os.Stat(filepath.Join(folder, "jax/p/pjrt_c_api_cuda_plugin.so")); err != nil {
		t.Error(err)
	}
	out, err = run("fetch", table(1000, math))
	expect("again", out, err, true)
	if strings.Contains(out, "to fetch") {
		t.Errorf("fetched again: %s", out)
	}

	if err := os.Remove(filepath.Join(folder, ".unpacked", "fake-plugin==1.0")); err != nil {
		t.Fatal(err)
	}
	out, err = run("fetch", table(1000, math))
	expect("resumed", out, err, true, "setup: 1 of 2 packages to fetch")

	for _, name := range []string{"nv/lib/libmath.so", "nv/bin/ptxas"} {
		if err := os.Remove(filepath.Join(folder, name)); err != nil {
			t.Fatal(err)
		}
	}
	out, err = run("check", table(1000, math))
	expect("damaged", out, err, false, "nv/lib/libmath.so does not open: ", "nv/bin/ptxas is missing", "remove "+folder+" and run setup again")

	if err := os.WriteFile(filepath.Join(folder, ".unpacked", "fake-math==1.0"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	out, err = run("fetch", table(1000, math))
	expect("other versions", out, err, true, "holds other versions and is replaced", "setup: 2 of 2 packages to fetch")
}

func TestSetupRefusesAnUnknownPlugin(t *testing.T) {
	for kind, want := range map[string]string{
		"cuda11":  "setup: PJRT=cuda11: expected cpu, cuda12, cuda13 or tpu\n",
		"ort-tpu": "setup: ORT=tpu: expected cpu or openvino\n",
	} {
		out, err := exec.Command("./setup.sh", kind, t.TempDir()).CombinedOutput()
		if err == nil || string(out) != want {
			t.Errorf("%s: %v, %q", kind, err, out)
		}
	}
}

// wheel writes a wheel of these files, all executable, and returns its SHA-256.
func wheel(t *testing.T, dir, name string, files map[string]string) string {
	t.Helper()
	if err := os.MkdirAll(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	distribution, version, _ := strings.Cut(name, "-")
	info := name + ".dist-info/"
	files[info+"METADATA"] = fmt.Sprintf("Metadata-Version: 2.1\nName: %s\nVersion: %s\n", distribution, version)
	files[info+"WHEEL"] = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
	files[info+"RECORD"] = ""
	path := filepath.Join(dir, name+"-py3-none-any.whl")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	archive := zip.NewWriter(file)
	for member, content := range files {
		header := &zip.FileHeader{Name: member, Method: zip.Deflate}
		header.SetMode(0o755)
		w, err := archive.CreateHeader(header)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x", sha256.Sum256(raw))
}
