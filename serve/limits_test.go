package serve

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"eomt/eval/inference"
	"eomt/eval/postprocess"
)

// fixCRC corrects the checksum of a PNG's header.
func fixCRC(raw []byte) []byte {
	binary.BigEndian.PutUint32(raw[29:], crc32.ChecksumIEEE(raw[12:29]))
	return raw
}

func TestSlowClient(t *testing.T) {
	s, web := start(t, &stub{}, postprocess.TaskPanoptic, Options{Upload: 50 * time.Millisecond})
	connection, err := net.Dial("tcp", web.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	fmt.Fprintf(connection, "POST /v1/segment HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nabc")
	_ = connection.SetReadDeadline(time.Now().Add(10 * time.Second))
	raw, err := io.ReadAll(connection)
	if err != nil || !strings.HasPrefix(string(raw), "HTTP/1.1 408 ") || !strings.Contains(string(raw), "did not arrive within 50ms") {
		t.Errorf("%v: %s", err, raw)
	}
	if len(s.uploads) != 0 || len(s.accepted) != 0 {
		t.Errorf("%d uploads and %d requests are still there", len(s.uploads), len(s.accepted))
	}
}

// Ten times more clients than places: each is answered or told to come back.
func TestOverload(t *testing.T) {
	n := &stub{delay: 2 * time.Millisecond}
	s, web := start(t, n, postprocess.TaskPanoptic, Options{Queue: 4})
	image := photo(16, 16)
	var mu sync.Mutex
	counts := map[int]int{}
	var times []time.Duration
	var clients sync.WaitGroup
	for range 40 {
		clients.Go(func() {
			for range 5 {
				began := time.Now()
				status, header, raw := post(t, web.URL+"/v1/segment", image, nil)
				if status == http.StatusTooManyRequests && header.Get("Retry-After") == "" {
					t.Errorf("no Retry-After: %s", raw)
				}
				mu.Lock()
				counts[status]++
				if status == 200 {
					times = append(times, time.Since(began))
				}
				mu.Unlock()
			}
		})
	}
	clients.Wait()
	if counts[200]+counts[429] != 200 || counts[200] == 0 || counts[429] == 0 {
		t.Errorf("statuses %v", counts)
	}
	if int(n.ran.Load()) != counts[200] {
		t.Errorf("%d images ran, %d were answered", n.ran.Load(), counts[200])
	}
	if len(s.accepted) != 0 {
		t.Errorf("%d places are not given back", len(s.accepted))
	}
	slices.Sort(times)
	t.Logf("%v; p50 %v, p99 %v of those answered", counts, times[len(times)/2], times[len(times)*99/100])
}

// A request whose client has gone does not run.
func TestGoneClientIsDropped(t *testing.T) {
	n := &stub{delay: 300 * time.Millisecond}
	s, web := start(t, n, postprocess.TaskPanoptic, Options{})
	first := make(chan int)
	go func() {
		status, _, _ := post(t, web.URL+"/v1/segment", photo(16, 16), nil)
		first <- status
	}()
	for n.busy.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Millisecond)
	defer cancel()
	request, _ := http.NewRequestWithContext(ctx, http.MethodPost, web.URL+"/v1/segment", strings.NewReader(string(photo(16, 16))))
	if _, err := http.DefaultClient.Do(request); err == nil {
		t.Error("an answer though the device was busy")
	}
	if status := <-first; status != 200 {
		t.Errorf("the first: %d", status)
	}
	for len(s.accepted) > 0 {
		time.Sleep(time.Millisecond)
	}
	if n.ran.Load() != 1 {
		t.Errorf("%d images ran, want 1", n.ran.Load())
	}
}

func TestLateAnswer(t *testing.T) {
	_, web := start(t, &stub{delay: 100 * time.Millisecond}, postprocess.TaskPanoptic, Options{Answer: 20 * time.Millisecond})
	if status, header, raw := post(t, web.URL+"/v1/segment", photo(16, 16), nil); status != 503 || header.Get("Retry-After") == "" || !strings.Contains(string(raw), "took too long") {
		t.Errorf("%d %s", status, raw)
	}
}

// A server that is told to end answers every request that it has accepted, and takes no
// other.
func TestDraining(t *testing.T) {
	n := &stub{}
	s, err := New(networkOf(n, postprocess.TaskPanoptic), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Warmed(t.Context()); err != nil {
		t.Fatal(err)
	}
	n.gate = make(chan struct{}) // nothing is answered before it opens
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, listener, nil, time.Minute) }()
	statuses := make(chan int, 20)
	for range cap(statuses) {
		go func() {
			response, err := http.Post("http://"+listener.Addr().String()+"/v1/segment", "image/png", bytes.NewReader(photo(16, 16)))
			if err != nil {
				t.Error(err)
				statuses <- 0
				return
			}
			response.Body.Close()
			statuses <- response.StatusCode
		}()
	}
	for len(s.accepted) < cap(statuses) && !t.Failed() {
		time.Sleep(time.Millisecond)
	}
	cancel()
	for !s.draining.Load() {
		time.Sleep(time.Millisecond)
	}
	if err := s.available(); err == nil || refusalOf(err).status != http.StatusServiceUnavailable {
		t.Errorf("a request while it ends: %v", err)
	}
	close(n.gate)
	for range cap(statuses) {
		if status := <-statuses; status != http.StatusOK {
			t.Errorf("an accepted request: %d", status)
		}
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// A network that fails makes the server not ready, until it works again.
func TestFailingNetwork(t *testing.T) {
	n := &stub{}
	s, web := start(t, n, postprocess.TaskPanoptic, Options{Retry: 20 * time.Millisecond})
	if status, text := get(t, web.URL+"/readyz"); status != 200 {
		t.Fatalf("%d %s", status, text)
	}
	n.fail.Store(true)
	if status, _, raw := post(t, web.URL+"/v1/segment", photo(16, 16), nil); status != 500 || !strings.Contains(string(raw), "the device is gone") {
		t.Errorf("%d %s", status, raw)
	}
	for _, route := range []string{"/readyz", "/v1/segment"} {
		var status int
		var text string
		if route == "/readyz" {
			status, text = get(t, web.URL+route)
		} else {
			var raw []byte
			status, _, raw = post(t, web.URL+route, photo(16, 16), nil)
			text = string(raw)
		}
		if status != 503 || !strings.Contains(text, "the network fails") {
			t.Errorf("%s: %d %s", route, status, text)
		}
	}
	if status, _ := get(t, web.URL+"/healthz"); status != 200 {
		t.Errorf("the process lives: %d", status)
	}
	n.fail.Store(false)
	for s.available() != nil {
		time.Sleep(time.Millisecond)
	}
	if status, _, _ := post(t, web.URL+"/v1/segment", photo(16, 16), nil); status != 200 {
		t.Errorf("after its return: %d", status)
	}
}

func TestFailingWarmUp(t *testing.T) {
	n := &stub{}
	n.fail.Store(true)
	s, err := New(networkOf(n, postprocess.TaskPanoptic), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Warmed(t.Context()); err == nil || !strings.Contains(err.Error(), "the network fails: internal fault") {
		t.Errorf("%v", err)
	}
}

// A server whose network has not run yet says so.
func TestWarmingUp(t *testing.T) {
	n := &stub{gate: make(chan struct{})}
	s, err := New(networkOf(n, postprocess.TaskPanoptic), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	web := httptest.NewServer(s.Handler())
	defer web.Close()
	if status, text := get(t, web.URL+"/readyz"); status != 503 || !strings.Contains(text, "warming up") {
		t.Errorf("%d %s", status, text)
	}
	if status, header, raw := post(t, web.URL+"/v1/segment", photo(16, 16), nil); status != 503 || header.Get("Retry-After") == "" {
		t.Errorf("%d %s", status, raw)
	}
	close(n.gate)
	if err := s.Warmed(t.Context()); err != nil {
		t.Fatal(err)
	}
	if status, text := get(t, web.URL+"/readyz"); status != 200 {
		t.Errorf("%d %s", status, text)
	}
}

// Logits that are no numbers, or not as many as there should be, are a network's failure.
func TestSenselessLogits(t *testing.T) {
	for want, spoil := range map[string]func(l *postprocess.Logits){
		"the weights are damaged":                 func(l *postprocess.Logits) { l.Class[4] = float32(math.NaN()) },
		"logits of 2 images for a batch of 1":     func(l *postprocess.Logits) { l.B = 2 },
		"191 mask and 9 class logits of 1 images": func(l *postprocess.Logits) { l.Masks = l.Masks[1:] },
	} {
		n := networkOf(nil, postprocess.TaskPanoptic)
		n.Predictor = inference.PredictFunc(func(images []uint8, b int) (postprocess.Logits, error) {
			l, err := new(stub).Predict(images, b)
			spoil(&l)
			return l, err
		})
		s, err := New(n, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Warmed(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
		s.Close()
	}
}

// Waiting inputs are joined, in the batch sizes that were warmed.
func TestBatches(t *testing.T) {
	n := &stub{batchs: make(chan int, 100)}
	_, web := start(t, n, postprocess.TaskPanoptic, Options{Batch: 6, Wait: time.Second})
	for _, want := range []int{1, 2, 4, 6} {
		if b := <-n.batchs; b != want {
			t.Fatalf("warmed with %d, want %d", b, want)
		}
	}
	var clients sync.WaitGroup
	for range 6 {
		clients.Go(func() {
			if status, _, raw := post(t, web.URL+"/v1/segment", photo(16, 16), nil); status != 200 {
				t.Errorf("%d %s", status, raw)
			}
		})
	}
	clients.Wait()
	if b := <-n.batchs; b != 6 {
		t.Errorf("a batch of %d, want 6", b)
	}
}

// Many requests leave nothing behind.
func TestManyRequestsDoNotGrow(t *testing.T) {
	requests := 10_000
	if testing.Short() {
		requests = 500
	}
	_, web := start(t, &stub{}, postprocess.TaskPanoptic, Options{})
	image := photo(8, 8)
	burst := func(n int) {
		var clients sync.WaitGroup
		for range 4 {
			clients.Go(func() {
				for range n / 4 {
					if status, _, raw := post(t, web.URL+"/v1/segment", image, nil); status != 200 {
						t.Errorf("%d %s", status, raw)
						return
					}
				}
			})
		}
		clients.Wait()
	}
	measure := func() (uint64, int) {
		http.DefaultClient.CloseIdleConnections()
		var m runtime.MemStats
		for range 2 {
			runtime.GC()
		}
		runtime.ReadMemStats(&m)
		return m.HeapAlloc, runtime.NumGoroutine()
	}
	burst(200)
	heap, goroutines := measure()
	burst(requests)
	heapAfter, goroutinesAfter := measure()
	if heapAfter > heap+2<<20 || goroutinesAfter > goroutines+10 { // connections end a moment later
		t.Errorf("heap %d -> %d bytes, goroutines %d -> %d", heap, heapAfter, goroutines, goroutinesAfter)
	}
}
