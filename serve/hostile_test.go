package serve

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/image/tiff"

	"eomt/eval/postprocess"
)

// claims are small files of every format that claim 8192 x 8192 pixels.
func claims(t *testing.T) map[string][]byte {
	small := image.NewGray(image.Rect(0, 0, 4, 4))
	files := map[string][]byte{"PNG": photo(4, 4)}
	copy(files["PNG"][16:], []byte{0, 0, 0x20, 0, 0, 0, 0x20, 0})
	fixCRC(files["PNG"])
	var out bytes.Buffer
	if err := jpeg.Encode(&out, small, nil); err != nil {
		t.Fatal(err)
	}
	files["JPEG"] = bytes.Clone(out.Bytes())
	copy(files["JPEG"][bytes.Index(files["JPEG"], []byte{0xff, 0xc0})+5:], []byte{0x20, 0, 0x20, 0})
	out.Reset()
	if err := tiff.Encode(&out, small, nil); err != nil {
		t.Fatal(err)
	}
	files["TIFF"] = bytes.Clone(out.Bytes())
	for _, tag := range []byte{0, 1} { // width, height
		entry := bytes.LastIndex(files["TIFF"], []byte{tag, 1, 3, 0, 1, 0, 0, 0, 4, 0})
		copy(files["TIFF"][entry+8:], []byte{0, 0x20})
	}
	webp := []byte("RIFF\x1c\x00\x00\x00WEBPVP8L\x10\x00\x00\x00\x2f")
	webp = binary.LittleEndian.AppendUint32(webp, 8191|8191<<14)
	files["WebP"] = append(webp, make([]byte, 12)...)
	return files
}

// A small file that claims many pixels is refused before anything of their number is
// allocated.
func TestDecompressionBomb(t *testing.T) {
	s, _ := start(t, &stub{}, postprocess.TaskPanoptic, Options{})
	for format, bomb := range claims(t) {
		out := httptest.NewRecorder()
		request := httptest.NewRequest(http.MethodPost, "/v1/segment", bytes.NewReader(bomb))
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		s.Handler().ServeHTTP(out, request)
		runtime.ReadMemStats(&after)
		status, want := 413, "8192 x 8192 pixels; at most 25000000"
		if format == "JPEG" { // whose length is compared with its size
			status, want = 422, "truncated JPEG"
		}
		if out.Code != status || !strings.Contains(out.Body.String(), want) {
			t.Errorf("%s: %d %s", format, out.Code, out.Body)
		}
		if grown := after.TotalAlloc - before.TotalAlloc; grown > 1<<20 {
			t.Errorf("%s: %d bytes were allocated for %d", format, grown, len(bomb))
		}
	}
}

// A narrow image becomes as high as a window, and much longer: few pixels would be many.
func TestNarrowImage(t *testing.T) {
	_, web := start(t, &stub{}, postprocess.TaskSemantic, Options{})
	for _, size := range []image.Point{{4096, 1}, {2, 4096}, {65, 2}} {
		status, _, raw := post(t, web.URL+"/v1/segment", photo(size.X, size.Y), nil)
		if want := fmt.Sprintf("%d x %d pixels; one side may be at most 32 times the other", size.X, size.Y); status != 413 || !strings.Contains(string(raw), want) {
			t.Errorf("%d %.200s, want %q", status, raw, want)
		}
	}
	if status, _, raw := post(t, web.URL+"/v1/segment", photo(64, 2), nil); status != 200 {
		t.Errorf("32 windows: %d %s", status, raw)
	}
	_, web = start(t, &stub{}, postprocess.TaskPanoptic, Options{})
	if status, _, raw := post(t, web.URL+"/v1/segment", photo(4096, 1), nil); status != 200 {
		t.Errorf("without windows: %d %s", status, raw)
	}
}

// listen serves on a listener until the test ends.
func listen(t *testing.T, s *Server, wrap func(net.Listener) net.Listener) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, wrap(l), nil, time.Minute) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return l.Addr().String()
}

// A client that does not send its header is hung up on.
func TestSlowHeader(t *testing.T) {
	s, _ := start(t, &stub{}, postprocess.TaskPanoptic, Options{Upload: 50 * time.Millisecond})
	connection, err := net.Dial("tcp", listen(t, s, func(l net.Listener) net.Listener { return l }))
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	fmt.Fprintf(connection, "POST /v1/segment HTTP/1.1\r\nHost: localhost\r\nX-Slow")
	_ = connection.SetReadDeadline(time.Now().Add(10 * time.Second))
	if raw, err := io.ReadAll(connection); err != nil {
		t.Errorf("still connected: %v: %s", err, raw)
	}
}

// narrow gives connections a small buffer, so that a client which does not read is felt.
type narrow struct{ net.Listener }

func (n narrow) Accept() (net.Conn, error) {
	c, err := n.Listener.Accept()
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetWriteBuffer(4096)
	}
	return c, err
}

// A client that does not read its answer loses it, and its place.
func TestSlowReader(t *testing.T) {
	s, _ := start(t, &stub{}, postprocess.TaskPanoptic, Options{Upload: 700 * time.Millisecond, Answer: 400 * time.Millisecond})
	connection, err := net.Dial("tcp", listen(t, s, func(l net.Listener) net.Listener { return narrow{l} }))
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	_ = connection.(*net.TCPConn).SetReadBuffer(4096)
	body := noise(250, 250)
	fmt.Fprintf(connection, "POST /v1/segment HTTP/1.1\r\nHost: localhost\r\nAccept: image/png;of=overlay\r\nContent-Length: %d\r\n\r\n", len(body))
	if _, err := connection.Write(body); err != nil {
		t.Fatal(err)
	}
	for len(s.accepted) == 0 {
		time.Sleep(time.Millisecond)
	}
	began := time.Now()
	for ; len(s.accepted) > 0; time.Sleep(time.Millisecond) {
		if time.Since(began) > 10*time.Second {
			t.Fatal("its place is still taken")
		}
	}
	if passed := time.Since(began); passed < 500*time.Millisecond {
		t.Errorf("the answer was written in %v: nobody waited", passed)
	}
	status := make([]byte, 13)
	if _, err := io.ReadFull(connection, status); err != nil || string(status) != "HTTP/1.1 200 " {
		t.Errorf("%s, %v", status, err)
	}
}

// noise is a PNG that no compression makes small.
func noise(w, h int) []byte {
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	random := rand.New(rand.NewPCG(1, 2))
	for i := range img.Pix {
		img.Pix[i] = uint8(random.Uint32()) | 255*uint8(i%4/3)
	}
	return encodePNG(img)
}

// An address in place of an image is not fetched, wherever it stands.
func TestAddressesAreNotFetched(t *testing.T) {
	var fetched atomic.Int32
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { fetched.Add(1) }))
	defer elsewhere.Close()
	_, web := start(t, &stub{}, postprocess.TaskPanoptic, Options{})
	address := elsewhere.URL + "/photo.png"
	for _, c := range []struct {
		query, body string
		header      http.Header
		status      int
	}{
		{"", address, nil, 422},
		{"", `{"image": "` + address + `"}`, http.Header{"Content-Type": {"application/json"}}, 422},
		{"?image=" + address, "x", nil, 400},
		{"?url=" + address, string(photo(4, 4)), nil, 400},
		{"", "--b\r\nContent-Disposition: form-data; name=\"image\"\r\n\r\n" + address + "\r\n--b--\r\n", http.Header{"Content-Type": {"multipart/form-data; boundary=b"}}, 422},
		{"", "--b\r\nContent-Disposition: form-data; name=\"url\"\r\n\r\n" + address + "\r\n--b--\r\n", http.Header{"Content-Type": {"multipart/form-data; boundary=b"}}, 400},
	} {
		if status, _, raw := post(t, web.URL+"/v1/segment"+c.query, []byte(c.body), c.header); status != c.status {
			t.Errorf("%s %s: %d %s, want %d", c.query, c.body, status, raw, c.status)
		}
	}
	if n := fetched.Load(); n > 0 {
		t.Errorf("%d requests went to the address", n)
	}
}
