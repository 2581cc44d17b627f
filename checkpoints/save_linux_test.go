package checkpoints

import (
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"eomt/checkpoints/tensor"
)

// childKey names the environment variable that turns this test binary into a
// process that saves step 2 into the folder that the variable says.
const childKey = "EOMT_CHECKPOINTS_TEST_CHILD"

func TestMain(m *testing.M) {
	if task := os.Getenv(childKey); task != "" {
		kind, dir, _ := strings.Cut(task, ":")
		os.Exit(child(kind, dir))
	}
	os.Exit(m.Run())
}

// child saves step 2 with 4 MB of parameters and meets its end on the way.
func child(kind, dir string) int {
	large := snapshotAt(2)
	large.Params = append(large.Params, tensor.FromFloat32s("large", []int{1 << 20}, make([]float32, 1<<20)))
	switch kind {
	case "limit": // a real write fails: files may not grow beyond 1 MB
		signal.Ignore(syscall.SIGXFSZ)
		limit := syscall.Rlimit{Cur: 1 << 20, Max: 1 << 20}
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
			return 3
		}
	case "kill": // the process dies with the parameters written, the moments half
		large.Slots["second"][0] = tensor.Lazy("backbone.norm.weight", tensor.Float32, []int{3}, func() ([]byte, error) {
			return nil, syscall.Kill(os.Getpid(), syscall.SIGKILL)
		})
	}
	if _, err := (&Store{Dir: dir, Keep: 1}).Save(large); err != nil {
		os.Stderr.WriteString(err.Error())
		return 1
	}
	return 0
}

func TestSaveInAProcessThatEnds(t *testing.T) {
	for kind, message := range map[string]string{"limit": "file too large", "kill": ""} {
		t.Run(kind, func(t *testing.T) {
			store := &Store{Dir: t.TempDir(), Keep: 1}
			mustSave(t, store, 1)
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), childKey+"="+kind+":"+store.Dir)
			output, err := cmd.CombinedOutput()
			if err == nil || !strings.Contains(string(output), message) {
				t.Fatalf("the child ended with %v and says %q, want a failure with %q", err, output, message)
			}
			wantLoads(t, store.Dir, 1)
			mustSave(t, store, 3)
			wantEntries(t, store.Dir, "latest", "step-00000003")
		})
	}
}

// TestSaveOnAFullDisk fills a real file system of one megabyte.
func TestSaveOnAFullDisk(t *testing.T) {
	disk := t.TempDir()
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("mounting a tmpfs needs more rights: %v", err)
	}
	defer syscall.Unmount(disk, 0)
	store := &Store{Dir: filepath.Join(disk, "checkpoints"), Keep: 1}
	mustSave(t, store, 1)
	large := snapshotAt(2)
	large.Slots["first"] = append(large.Slots["first"], tensor.FromFloat32s("large", []int{1 << 20}, make([]float32, 1<<20)))
	if _, err := store.Save(large); err == nil || !strings.Contains(err.Error(), "no space left on device") {
		t.Fatalf("Save on a full disk: %v", err)
	}
	wantEntries(t, store.Dir, "latest", "step-00000001")
	wantLoads(t, store.Dir, 1)
}
