package backend

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gomlx/compute"
)

// machine is a host with these files in place of the real dev, proc and sys; a
// name that ends in / is a folder.
func machine(t *testing.T, files map[string]string) host {
	t.Helper()
	root := t.TempDir()
	for name, content := range files {
		write(t, filepath.Join(root, name), content)
	}
	return host{root: root, getenv: func(string) string { return "" }}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
		t.Fatal(err)
	}
}

// cache makes the plugin folder hold empty files of these names.
func cache(t *testing.T, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range names {
		write(t, filepath.Join(dir, name), "no library")
	}
	t.Setenv(pluginPathEnv, dir)
	t.Setenv("GOMLX_BACKEND", "")
	return dir
}

const (
	cpuPlugin  = "pjrt_c_api_cpu_plugin.so"
	tpuPlugin  = "pjrt_c_api_tpu_plugin.so"
	cuda13     = "cuda13/jax_plugins/xla_cuda13/pjrt_c_api_cuda_plugin.so"
	cuda12     = "cuda12/jax_plugins/xla_cuda12/pjrt_c_api_cuda_plugin.so"
	foreignGPU = "pjrt_c_api_cuda_plugin.so"
)

func driver(version string) map[string]string {
	return map[string]string{"dev/nvidia0": "", "dev/nvidiactl": "",
		"proc/driver/nvidia/version": "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  " + version + "  Release Build\nGCC version:  gcc 13\n"}
}

func TestDefaultTakesAPluginOnlyWhereItsDeviceIs(t *testing.T) {
	if !xlaCompiled {
		t.Skip("built without XLA")
	}
	tpuPCI := map[string]string{"sys/bus/pci/devices/a/vendor": "0x1ae0\n", "sys/bus/pci/devices/a/device": "0x0063\n"}
	network := map[string]string{"sys/bus/pci/devices/a/vendor": "0x1ae0\n", "sys/bus/pci/devices/a/device": "0x0042\n"}
	for _, c := range []struct {
		name      string
		installed []string
		files     map[string]string
		want      string
		reason    string
	}{
		{"no plugin", nil, nil, "go", "no PJRT plugin found in "},
		{"CPU", []string{cpuPlugin}, nil, "xla:cpu", "best PJRT plugin found"},
		{"GPU plugin, no GPU", []string{cpuPlugin, cuda13}, nil, "xla:cpu",
			"not xla:cuda: no NVIDIA GPU is visible (the plugin needs one with driver 580.65.06 or newer)"},
		{"GPU plugin alone, no GPU", []string{cuda13}, nil, "go", "not xla:cuda: no NVIDIA GPU is visible"},
		{"control device without a GPU", []string{cpuPlugin, cuda13}, map[string]string{"dev/nvidiactl": ""}, "xla:cpu", "no NVIDIA GPU"},
		{"GPU", []string{cpuPlugin, cuda13}, driver("580.65.06"), "xla:cuda", "best PJRT plugin found"},
		{"newer driver", []string{cpuPlugin, cuda13}, driver("610.43"), "xla:cuda", "best PJRT plugin found"},
		{"old driver", []string{cpuPlugin, cuda13}, driver("550.54.14"), "xla:cpu",
			"not xla:cuda: NVIDIA's driver is 550.54.14, the plugin needs 580.65.06 or newer"},
		{"old driver, CUDA 12 also there", []string{cpuPlugin, cuda13, cuda12}, driver("550.54.14"), "xla:cuda", "best PJRT plugin found"},
		{"GPU of a Windows host", []string{cuda13}, map[string]string{"dev/dxg": ""}, "xla:cuda", "best PJRT plugin found"},
		{"plugin from elsewhere, no GPU", []string{cpuPlugin, foreignGPU}, nil, "xla:cpu", "not xla:cuda: no NVIDIA GPU is visible"},
		{"TPU plugin, no TPU", []string{cpuPlugin, tpuPlugin}, nil, "xla:cpu", "not xla:tpu: no TPU is visible"},
		{"TPU plugin, Google's network card", []string{cpuPlugin, tpuPlugin}, network, "xla:cpu", "not xla:tpu"},
		{"TPU", []string{cpuPlugin, tpuPlugin}, tpuPCI, "xla:tpu", "best PJRT plugin found"},
		{"older TPU", []string{cpuPlugin, tpuPlugin}, map[string]string{"dev/accel0": ""}, "xla:tpu", "best PJRT plugin found"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cache(t, c.installed...)
			got := machine(t, c.files).best()
			if got.Name != c.want || !strings.Contains(got.Reason, c.reason) || strings.Contains(got.String(), "\n") {
				t.Errorf("%v, want %s because %q", got, c.want, c.reason)
			}
		})
	}
}

func TestHiddenGPUs(t *testing.T) {
	h := machine(t, driver("580.65.06"))
	h.getenv = func(string) string { return "-1" }
	if err := h.gpu("580.65.06"); err == nil || err.Error() != "CUDA_VISIBLE_DEVICES=-1 hides all GPUs" {
		t.Errorf("%v", err)
	}
}

func TestCPUChoiceHintsAtAGPU(t *testing.T) {
	if !xlaCompiled {
		t.Skip("built without XLA")
	}
	cache(t, cpuPlugin)
	if c := machine(t, nil).best(); c.Hint != "" {
		t.Errorf("without a GPU: hint %q", c.Hint)
	}
	if c := machine(t, driver("590.1")).best(); c.Hint != "the NVIDIA GPU: `make setup PJRT=cuda13` fetches it" && !strings.Contains(c.Hint, "PJRT=cuda13") {
		t.Errorf("with a GPU: hint %q", c.Hint)
	}
	if c := machine(t, driver("550.1")).best(); !strings.Contains(c.Hint, "PJRT=cuda12") {
		t.Errorf("with an older driver: hint %q", c.Hint)
	}
}

func TestCompareVersions(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"580.65.06", "580.65.6", 0}, {"580.65", "580.65.06", -1}, {"1000.1", "999.9", 1}, {"580", "580.0", 0}, {"", "1", -1}} {
		if got := compareVersions(c.a, c.b); got != c.want {
			t.Errorf("%s against %s: %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

func TestNamesOfNoBackend(t *testing.T) {
	for name, want := range map[string]string{
		"cuda":   `unknown backend "cuda": did you mean xla:cuda? want go, xla:cpu, xla:cuda, xla:tpu or xla:/PATH/OF/PLUGIN.so`,
		"abacus": `unknown backend "abacus": want go, xla:cpu, xla:cuda, xla:tpu or xla:/PATH/OF/PLUGIN.so`,
		"xla":    `unknown backend "xla": want`,
		"xla:":   `unknown backend "xla:": want`,
	} {
		_, err := Open(Choice{Name: name})
		var nameError *NameError
		if !errors.As(err, &nameError) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
}

func TestOpenSaysWhatIsMissing(t *testing.T) {
	if !xlaCompiled {
		t.Skip("built without XLA")
	}
	if thisHost.gpu("") == nil || thisHost.tpu() == nil {
		t.Skip("this machine has the devices")
	}
	for _, c := range []struct {
		backend   string
		installed []string
		want      []string
	}{
		{"xla:cuda", nil, []string{"backend xla:cuda: no plugin in ", "`make setup PJRT=cuda13` fetches it", "no NVIDIA GPU is visible", "driver 580.65.06 or newer"}},
		{"xla:cuda", []string{cuda13}, []string{"backend xla:cuda: no NVIDIA GPU is visible (the plugin needs one with driver 580.65.06 or newer)"}},
		{"xla:tpu", nil, []string{"backend xla:tpu: no plugin in ", "`make setup PJRT=tpu` fetches it", "no TPU is visible"}},
		{"xla:tpu", []string{tpuPlugin}, []string{"backend xla:tpu: no TPU is visible"}},
		{"xla:cpu", nil, []string{"backend xla:cpu: no plugin in ", "`make setup` fetches it"}},
		{"xla:metal", nil, []string{"backend xla:metal: no plugin in "}},
		{"xla:cpu", []string{cpuPlugin}, []string{"backend xla:cpu: ", cpuPlugin}},
		{"xla:/none/plugin.so", nil, []string{"backend xla:/none/plugin.so: ", "no such file"}},
	} {
		cache(t, c.installed...)
		began := time.Now()
		_, err := Open(Choice{Name: c.backend})
		if err == nil || strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "import _") || time.Since(began) > 10*time.Second {
			t.Errorf("%s with %v: %v after %v", c.backend, c.installed, err, time.Since(began))
			continue
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s with %v: %q, want %q in it", c.backend, c.installed, err, want)
			}
		}
	}
}

func TestCheck(t *testing.T) {
	cache(t)
	for name, fails := range map[string]bool{"": false, "go": false, "cuda": true, "xla:cpu": true} {
		if err := Check(name); (err != nil) != fails {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestDefaultFallsBackFromAPluginThatDoesNotOpen(t *testing.T) {
	if !xlaCompiled {
		t.Skip("built without XLA")
	}
	cache(t, cpuPlugin)
	var said strings.Builder
	b, c, err := Start("", &said)
	if err != nil || c.Name != GoName || b == nil {
		t.Fatalf("%v, %v", c, err)
	}
	lines := strings.Split(strings.TrimSpace(said.String()), "\n")
	if len(lines) != 2 || !strings.HasPrefix(lines[0], "backend xla:cpu: ") || !strings.HasSuffix(lines[0], "; falling back to the next best") ||
		lines[1] != "backend go (xla:cpu does not open)" {
		t.Errorf("said %q", said.String())
	}
	if _, _, err := Start("xla:cpu", &said); err == nil {
		t.Error("a named backend fell back")
	}
}

func TestOpenIsBounded(t *testing.T) {
	never := make(chan bool)
	_, err := within(time.Millisecond, func() (compute.Backend, error) { <-never; return nil, nil })
	if err == nil || err.Error() != "the plugin did not open its devices within 1ms" {
		t.Errorf("%v", err)
	}
	_, err = within(time.Minute, func() (compute.Backend, error) { panic("no such device") })
	if err == nil || !strings.Contains(err.Error(), "no such device") {
		t.Errorf("a panic: %v", err)
	}
}

func TestLibrariesAreOpenedBeforeThePlugin(t *testing.T) {
	if !xlaCompiled {
		t.Skip("built without XLA")
	}
	dir := cache(t, cuda13)
	p := plugins("cuda")[0]
	err := p.prepare()
	if want := filepath.Join(dir, "cuda13/nvidia/cu13/lib/libcudart.so.13"); err == nil || !strings.Contains(err.Error(), want) ||
		!strings.HasSuffix(err.Error(), "`make setup PJRT=cuda13` fetches what is missing") {
		t.Errorf("%v, want that %s is missing", err, want)
	}
}

func TestCauseIsOneLine(t *testing.T) {
	for text, want := range map[string]string{
		"while creating plugin:\n PJRT error (code=9): No visible GPU devices.": "the plugin sees no NVIDIA GPU, although there is a device file of one: does its driver run?",
		"failed:\n\tno memory": "failed: no memory",
	} {
		if got := cause(errors.New(text)); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestDriverThatIsNotInstalled(t *testing.T) {
	err := cudaKinds[0].missing(errors.New("libcuda.so.1: cannot open shared object file"))
	if want := "NVIDIA's driver is not installed, 580.65.06 or newer is needed (libcuda.so.1: cannot open shared object file)"; err.Error() != want {
		t.Errorf("%q, want %q", err, want)
	}
}

func TestCUDADataFolder(t *testing.T) {
	t.Setenv("GOPJRT_CUDA_CHECKS", "")
	t.Setenv("XLA_FLAGS", "--xla_dump_to=x")
	if err := setCUDAData("/c/nvidia/cu13"); err != nil || os.Getenv("XLA_FLAGS") != "--xla_dump_to=x --xla_gpu_cuda_data_dir=/c/nvidia/cu13" {
		t.Errorf("%v, %q", err, os.Getenv("XLA_FLAGS"))
	}
	if err := setCUDAData("/other"); err != nil || strings.Contains(os.Getenv("XLA_FLAGS"), "other") {
		t.Errorf("the user's folder was replaced: %v, %q", err, os.Getenv("XLA_FLAGS"))
	}
}

func TestTables(t *testing.T) {
	for _, kind := range cudaKinds {
		if kind.leastDriver == "" || kind.data == "" || kind.folder != "jax_plugins/xla_"+kind.name || len(kind.libraries) < 12 {
			t.Errorf("%s: %v", kind.name, kind)
		}
		for _, library := range kind.libraries {
			if !strings.HasPrefix(library, "nvidia/") {
				t.Errorf("%s: library %s", kind.name, library)
			}
		}
	}
	for name, table := range map[string]string{"cuda13": cuda13Table, "cuda12": cuda12Table} {
		for line := range strings.Lines(table) {
			if fields := strings.Fields(line); len(fields) > 0 && fields[0] == "wheel" && (len(fields) != 5 || len(fields[2]) != 64) {
				t.Errorf("%s: %q", name, line)
			}
		}
	}
}
