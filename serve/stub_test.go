package serve

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/png"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"eomt/arch"
	"eomt/data"
	"eomt/eval/postprocess"
	"eomt/segment"
)

const (
	side = 32 // of the stub's input
	grid = 8
)

var table = []data.Class{{ID: 7, Name: "cat", Thing: true, Color: data.Color(0)}, {ID: 23, Name: "sky", Color: data.Color(1)}}

// stub is a network whose first query is a cat where the image is red, whose second is
// sky elsewhere, and whose third is a less probable cat in the lower half.
type stub struct {
	delay  time.Duration
	fail   atomic.Bool
	busy   atomic.Int32
	ran    atomic.Int32  // inputs, without warm-up
	batchs chan int      // sizes, where it is not nil
	gate   chan struct{} // that opens before anything is answered, where it is not nil
}

func (s *stub) Predict(images []uint8, b int) (postprocess.Logits, error) {
	if s.busy.Add(1) != 1 {
		return postprocess.Logits{}, errors.New("two callers at once")
	}
	defer s.busy.Add(-1)
	if s.fail.Load() {
		panic("the device is gone")
	}
	s.ran.Add(int32(b))
	if s.batchs != nil {
		s.batchs <- b
	}
	if s.gate != nil {
		<-s.gate
	}
	time.Sleep(s.delay)
	l := postprocess.Logits{B: b, MaskH: grid, MaskW: grid, Queries: 3, Classes: 2, Masks: make([]float32, b*grid*grid*3), Class: make([]float32, b*3*3)}
	for i := range b {
		copy(l.Class[i*9:], []float32{6, 0, 0, 0, 5, 0, 1, 0, 0})
		for y := range grid {
			for x := range grid {
				at := ((i*side+y*side/grid)*side + x*side/grid) * 3
				red, masks := images[at] > 128, l.Masks[((i*grid+y)*grid+x)*3:]
				masks[0], masks[1], masks[2] = -4, 4, -4
				if red {
					masks[0], masks[1] = 4, -4
				}
				if y >= grid/2 {
					masks[2] = 5
				}
			}
		}
	}
	return l, nil
}

// photo is a PNG whose left half is red.
func photo(w, h int) []byte {
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			c := color.RGBA{20, 40, 200, 255}
			if x < w/2 {
				c = color.RGBA{250, 10, 10, 255}
			}
			img.SetRGBA(x, y, c)
		}
	}
	return encodePNG(img)
}

func encodePNG(img image.Image) []byte {
	var out bytes.Buffer
	if err := png.Encode(&out, img); err != nil {
		panic(err)
	}
	return out.Bytes()
}

func networkOf(s *stub, task postprocess.Task) Network {
	return Network{Predictor: s, Name: "stub", Backend: "none", Description: segment.Description{Task: task, Classes: table, Score: .8, Overlap: .5, TopK: 5,
		Architecture: arch.Architecture{Queries: 3, Classes: 2, Grid: [2]int{side / 8, side / 8}}.ForPatch(8)}}
}

// start serves a stub until the test ends.
func start(t *testing.T, s *stub, task postprocess.Task, o Options) (*Server, *httptest.Server) {
	t.Helper()
	server, web := startNetwork(t, networkOf(s, task), o)
	s.ran.Store(0)
	return server, web
}

func startNetwork(t *testing.T, n Network, o Options) (*Server, *httptest.Server) {
	t.Helper()
	server, err := New(n, o)
	if err != nil {
		t.Fatal(err)
	}
	_ = server.Warmed(t.Context())
	web := httptest.NewServer(server.Handler())
	t.Cleanup(func() {
		web.Close()
		server.Close()
	})
	return server, web
}

// post sends an image, and returns status, header and body.
func post(t *testing.T, url string, body []byte, header http.Header) (int, http.Header, []byte) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range header {
		request.Header[name] = values
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, response.Header, raw
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(raw)
}
