package backend

import (
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"eomt/internal/cachedir"
)

// plugin is an installed PJRT plugin.
type plugin struct {
	platform string // "cuda", "tpu", "cpu", ...
	path     string
	cuda     *cudaKind // how `make setup` laid it out; nil for all others
}

// cudaKind is a version of CUDA that `make setup` fetches.
type cudaKind struct {
	name        string // "cuda13"
	leastDriver string
	data        string   // where XLA finds ptxas and libdevice, in the kind's folder
	folder      string   // of the plugin, in the kind's folder
	libraries   []string // NVIDIA's, in the kind's folder, in the order to open
}

//go:embed cuda13.txt
var cuda13Table string

//go:embed cuda12.txt
var cuda12Table string

// cudaKinds are in the order of preference.
var cudaKinds = []*cudaKind{parseKind("cuda13", cuda13Table), parseKind("cuda12", cuda12Table)}

// parseKind reads what this package needs of a table that scripts/wheels.py reads too.
func parseKind(name, table string) *cudaKind {
	k := &cudaKind{name: name}
	for line := range strings.Lines(table) {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		switch fields[0] {
		case "driver":
			k.leastDriver = fields[1]
		case "data":
			k.data = fields[1]
		case "plugin":
			k.folder = filepath.Dir(fields[1])
		case "library":
			k.libraries = append(k.libraries, fields[1])
		}
	}
	return k
}

// plugins are the installed plugins of a platform, the preferred one first.
func plugins(platform string) []plugin {
	name := "pjrt_c_api_" + platform + "_plugin.so"
	var found []plugin
	add := func(path string, kind *cudaKind) {
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			found = append(found, plugin{platform, path, kind})
		}
	}
	for _, dir := range pluginDirs() {
		if platform == "cuda" {
			for _, kind := range cudaKinds {
				add(filepath.Join(dir, kind.name, kind.folder, name), kind)
			}
		}
		add(filepath.Join(dir, name), nil)
	}
	return found
}

// usable says why a plugin has no device here, nil if it has one.
func (h host) usable(p plugin) error {
	switch p.platform {
	case "cuda":
		least := ""
		if p.cuda != nil {
			least = p.cuda.leastDriver
		}
		return h.gpu(least)
	case "tpu":
		return h.tpu()
	}
	return nil
}

// find returns the plugin of a platform that has a device here. The error says
// what is missing, in one line.
func (h host) find(platform string) (plugin, error) {
	installed := plugins(platform)
	var reason error
	for _, p := range installed {
		err := h.usable(p)
		if err == nil {
			return p, nil
		}
		reason = err
	}
	if len(installed) > 0 {
		return plugin{}, reason
	}
	return plugin{}, fmt.Errorf("no plugin in %s%s", strings.Join(pluginDirs(), ", "), h.advice(platform))
}

// advice is how to get the plugin of a platform, and whether that is of use.
func (h host) advice(platform string) string {
	switch platform {
	case "cuda":
		kind := cudaKinds[0]
		if version := h.driver(); version != "" && compareVersions(version, kind.leastDriver) < 0 {
			kind = cudaKinds[len(cudaKinds)-1]
		}
		text := fmt.Sprintf(": `make setup PJRT=%s` fetches it", kind.name)
		if err := h.gpu(kind.leastDriver); err != nil {
			text += fmt.Sprintf("; %v", err)
		}
		return text
	case "tpu":
		text := ": `make setup PJRT=tpu` fetches it"
		if err := h.tpu(); err != nil {
			text += fmt.Sprintf("; %v", err)
		}
		return text
	case "cpu":
		return ": `make setup` fetches it"
	}
	return ""
}

// HasPlugin reports whether a plugin of a platform ("cpu") is installed, and this
// program can open plugins.
func HasPlugin(platform string) bool { return xlaCompiled && len(plugins(platform)) > 0 }

// prepare opens the plugin's libraries and the plugin, for the engine to find open:
// its RPATH does not lead to all of NVIDIA's libraries, and the engine logs what does
// not open instead of returning it.
func (p plugin) prepare() error {
	if p.path == "" {
		return nil
	}
	if p.cuda == nil {
		return openLibrary(p.path)
	}
	folder := strings.TrimSuffix(filepath.Dir(p.path), filepath.FromSlash(p.cuda.folder))
	for _, library := range p.cuda.libraries {
		if err := openLibrary(filepath.Join(folder, library)); err != nil {
			return p.cuda.missing(err)
		}
	}
	if err := setCUDAData(filepath.Join(folder, p.cuda.data)); err != nil {
		return err
	}
	return openLibrary(p.path)
}

// missing explains a library that did not open.
func (k *cudaKind) missing(err error) error {
	if strings.HasPrefix(err.Error(), "libcuda.so.1:") {
		return fmt.Errorf("NVIDIA's driver is not installed, %s or newer is needed (%w)", k.leastDriver, err)
	}
	return fmt.Errorf("%w: `make setup PJRT=%s` fetches what is missing", err, k.name)
}

// setCUDAData tells XLA where ptxas and libdevice are, unless the user did, and the
// engine not to look for them.
func setCUDAData(folder string) error {
	const flag = "--xla_gpu_cuda_data_dir="
	flags := os.Getenv("XLA_FLAGS")
	if strings.Contains(flags, flag) {
		return nil
	}
	if err := os.Setenv("GOPJRT_CUDA_CHECKS", "no"); err != nil {
		return err
	}
	return os.Setenv("XLA_FLAGS", strings.TrimSpace(flags+" "+flag+folder))
}

// CacheDir is the folder that `make setup` fills with PJRT plugins.
func CacheDir() string { return filepath.Join(cachedir.Path(), "pjrt") }

func pluginDirs() []string {
	if env := os.Getenv(pluginPathEnv); env != "" {
		return filepath.SplitList(env)
	}
	return []string{CacheDir()}
}

// pluginPathEnv is PJRT's list of folders with plugins; unset, it is [CacheDir].
const pluginPathEnv = "PJRT_PLUGIN_LIBRARY_PATH"
