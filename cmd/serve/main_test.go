package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"image"
	"image/png"
	"io"
	"math"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"eomt/arch"
	"eomt/checkpoints"
	"eomt/checkpoints/tensor"
	"eomt/data"
)

// asServe makes the test program the command.
const asServe = "EOMT_TEST_SERVE"

func TestMain(m *testing.M) {
	if os.Getenv(asServe) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// weights writes a checkpoint of a network that is small enough to run in moments and
// sees sky everywhere.
func weights(t *testing.T) string { return weightsWithBias(t, 20) }

// damaged are weights that are no numbers.
func damaged(t *testing.T) string { return weightsWithBias(t, float32(math.NaN())) }

func weightsWithBias(t *testing.T, sky float32) string {
	t.Helper()
	table := []data.Class{{ID: 7, Name: "cat", Thing: true, Color: data.Color(0)}, {ID: 23, Name: "sky", Color: data.Color(1)}}
	a := arch.Architecture{Width: 32, Blocks: 2, Heads: 2, Hidden: 64, MaskBlocks: 1, Registers: 1, Queries: 6, Classes: len(table)}.ForPatch(8).ForKind(arch.DINOv2)
	a.Grid = [2]int{8, 8}
	var params []tensor.Tensor
	for _, p := range a.Parameters() {
		values := p.Initialize(7)
		if p.Name == "class_head.bias" {
			values[1] = sky
		}
		params = append(params, tensor.FromFloat32s(p.Name, p.Shape, values))
	}
	dir := t.TempDir()
	store := checkpoints.Store{Dir: filepath.Join(dir, "checkpoints"), Keep: 1}
	state := checkpoints.State{Task: "semantic", Classes: table, Step: 1, Architecture: &a}
	if _, err := store.Save(checkpoints.Snapshot{State: state, Params: params}); err != nil {
		t.Fatal(err)
	}
	return dir
}

// process is a command that runs.
type process struct {
	command *exec.Cmd
	log     bytes.Buffer
	stdout  *bufio.Reader
	address string // that it printed first
}

func startProcess(t *testing.T, args ...string) *process {
	t.Helper()
	p := &process{command: exec.CommandContext(t.Context(), os.Args[0], args...)}
	p.command.Env = append(os.Environ(), asServe+"=1")
	p.command.Stderr = &p.log
	stdout, err := p.command.StdoutPipe()
	if err == nil {
		err = p.command.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	p.stdout = bufio.NewReader(stdout)
	p.address, err = p.stdout.ReadString('\n')
	if p.address = strings.TrimSpace(p.address); err != nil {
		_ = p.command.Wait()
		t.Fatalf("%v\n%s", err, p.log.String())
	}
	return p
}

// terminate asks the process to end.
func (p *process) terminate() { _ = p.command.Process.Signal(syscall.SIGTERM) }

// wait waits for a good end.
func (p *process) wait(t *testing.T) {
	t.Helper()
	if err := p.command.Wait(); err != nil {
		t.Errorf("%v\n%s", err, p.log.String())
	}
}

// A process prints its address, answers, and at SIGTERM under load loses no request
// that it has begun to answer.
func TestProcess(t *testing.T) {
	if testing.Short() {
		t.Skip("runs a network")
	}
	p := startProcess(t, "-weights", weights(t), "-addr", "127.0.0.1:0", "-backend", "go")
	if !strings.HasPrefix(p.address, "http://127.0.0.1:") {
		t.Fatalf("address %s", p.address)
	}
	url := p.address + "/v1/segment"
	var photo bytes.Buffer
	if err := png.Encode(&photo, image.NewGray(image.Rect(0, 0, 40, 30))); err != nil {
		t.Fatal(err)
	}
	response, err := http.Post(url, "image/png", bytes.NewReader(photo.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	var found struct {
		Segments []struct {
			Class string
			Area  int
		}
	}
	err = json.NewDecoder(response.Body).Decode(&found)
	response.Body.Close()
	if err != nil || len(found.Segments) != 1 || found.Segments[0].Class != "sky" || found.Segments[0].Area != 1200 {
		t.Fatalf("%+v, %v", found, err)
	}
	answered, lost := load(t, url, photo.Bytes(), p.terminate)
	p.wait(t)
	taken := strings.Count(p.log.String(), "path=/v1/segment status=200") - 1
	if answered == 0 || lost > 0 || taken != answered {
		t.Errorf("%d requests answered, %d broken off, %d in the server's log\n%s", answered, lost, taken, p.log.String())
	}
}

// load sends requests from several clients until the server takes no more; end is
// called when some were answered. lost counts those that the server took and broke off.
func load(t *testing.T, url string, body []byte, end func()) (answered, lost int) {
	var good, bad atomic.Int32
	var once sync.Once
	var clients sync.WaitGroup
	for range 6 {
		clients.Go(func() {
			client := &http.Client{Transport: &http.Transport{}}
			for {
				response, err := client.Post(url, "image/png", bytes.NewReader(body))
				if err != nil { // the listener is closed, or an idle connection
					return
				}
				_, err = io.Copy(io.Discard, response.Body)
				response.Body.Close()
				switch {
				case response.StatusCode == http.StatusServiceUnavailable:
					return
				case err != nil || response.StatusCode != http.StatusOK:
					bad.Add(1)
					t.Logf("%d, %v", response.StatusCode, err)
					return
				}
				if good.Add(1) >= 10 {
					once.Do(end)
				}
			}
		})
	}
	clients.Wait()
	return int(good.Load()), int(bad.Load())
}

func TestWrongCommandLines(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, []byte("\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		text string
	}{
		{nil, "-weights is missing"},
		{[]string{"-weights", "x", "more"}, "serve takes flags only"},
		{[]string{"-weights", "x", "-tls-cert", "c"}, "belong together"},
		{[]string{"-weights", "x", "-queue", "0"}, "must be positive"},
		{[]string{"-weights", "x", "-engine", "abacus"}, "want graph, ort or ort:PROVIDER"},
		{[]string{"-weights", "x", "-task", "counting"}, "want panoptic, instance or semantic"},
		{[]string{"-weights", "x", "-token-file", empty}, "is empty: the server would be open to all"},
		{[]string{"-weights", "x", "-tls-cert", empty, "-tls-key", empty}, "-tls-cert: "},
		{[]string{"-weights", "nowhere", "-addr", "127.0.0.1:0"}, "nowhere"},
		{[]string{"-weights", "nowhere", "-addr", "127.0.0.1:0", "-grpc", "127.0.0.1"}, "-grpc: "},
	} {
		if err := run(context.Background(), c.args); err == nil || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%v: %v, want %q", c.args, err, c.text)
		}
	}
}
