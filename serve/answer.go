package serve

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"net/http"
	"time"

	"eomt/data"
	"eomt/data/overlay"
	"eomt/data/rle"
	"eomt/segment"
)

// answer is the JSON of POST /v1/segment.
type answer struct {
	Task         string      `json:"task"`
	Width        int         `json:"width"`
	Height       int         `json:"height"`
	Score        float64     `json:"score"`
	Overlap      float64     `json:"overlap"`
	Segments     []part      `json:"segments"`
	Candidates   *candidates `json:"candidates,omitempty"`
	Milliseconds float64     `json:"milliseconds"`
}

// part is a segment; its id is its value in the label map.
type part struct {
	ID         int      `json:"id"`
	Class      string   `json:"class"`
	Index      int      `json:"class_index"`
	CategoryID int      `json:"category_id"`
	Thing      bool     `json:"thing"`
	Color      string   `json:"color"`
	Score      *float64 `json:"score,omitempty"`
	Area       int      `json:"area"`
	BBox       [4]int   `json:"bbox"`
	Mask       cocoRLE  `json:"segmentation"`
}

// cocoRLE is a mask as pycocotools reads it.
type cocoRLE struct {
	Size   [2]int `json:"size"` // height, width
	Counts string `json:"counts"`
}

// candidates let a page move the thresholds: see [postprocess.Candidate].
type candidates struct {
	Least float64     `json:"least"` // threshold from which they count
	List  []candidate `json:"list"`
}

type candidate struct {
	Index int     `json:"class_index"`
	Score float64 `json:"score"`
	Order int     `json:"order"`
	Area  int     `json:"area"`
	Wins  []int   `json:"wins"`
	Takes cocoRLE `json:"takes"`
}

// write answers in the form that was asked for.
func (s *Server) write(w http.ResponseWriter, f *finding) error {
	if f.form == formJSON {
		writeJSON(w, http.StatusOK, s.answer(f))
		return nil
	}
	var picture image.Image
	if f.form == formOverlay {
		sample, _ := f.found.Targets(f.image, f.score)
		picture = overlay.Draw(sample, s.network.Classes)
	} else {
		picture = labelMap(segment.List(s.network.Classes, f.image.W, f.image.H, f.found))
	}
	var out bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestSpeed}
	if err := encoder.Encode(&out, picture); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "image/png")
	_, _ = w.Write(out.Bytes()) // a client that has gone
	return nil
}

func (s *Server) answer(f *finding) answer {
	list := segment.List(s.network.Classes, f.image.W, f.image.H, f.found)
	a := answer{Task: string(s.network.Task), Width: list.W, Height: list.H, Score: f.score, Overlap: f.overlap, Segments: []part{}}
	scored := f.found.Semantic == nil
	for i, one := range list.Segments {
		p := part{ID: i + 1, Class: one.Class.Name, Index: one.Index, CategoryID: one.Class.ID, Thing: one.Class.Thing, Color: hex(one.Class.Color),
			Area: one.Mask.Area(), BBox: one.Mask.BBox(), Mask: encode(one.Mask)}
		if scored {
			p.Score = &one.Score
		}
		a.Segments = append(a.Segments, p)
	}
	if f.candidates != nil {
		a.Candidates = &candidates{Least: f.least, List: []candidate{}}
		for _, c := range f.candidates {
			a.Candidates.List = append(a.Candidates.List, candidate{c.Class, c.Score, c.Order, c.Area, c.Wins, encode(c.Takes)})
		}
	}
	a.Milliseconds = float64(time.Since(f.began).Microseconds()) / 1000
	return a
}

func encode(m rle.Mask) cocoRLE { return cocoRLE{[2]int{m.H, m.W}, m.String()} }

func hex(c [3]uint8) string { return fmt.Sprintf("#%02x%02x%02x", c[0], c[1], c[2]) }

// labelMap has at each pixel the number of its segment in the list, from 1; of several,
// the first.
func labelMap(list *segment.Segments) image.Image {
	out := image.NewGray16(image.Rect(0, 0, list.W, list.H))
	for i := len(list.Segments) - 1; i >= 0; i-- {
		for at, in := range list.Segments[i].Mask.Decode() {
			if in != 0 {
				out.Pix[2*at], out.Pix[2*at+1] = uint8((i+1)>>8), uint8(i+1)
			}
		}
	}
	return out
}

// description is the JSON of GET /v1/model.
type description struct {
	Name    string     `json:"name"`
	Backend string     `json:"backend"`
	Task    string     `json:"task"`
	Width   int        `json:"width"` // of the network's input
	Height  int        `json:"height"`
	Score   float64    `json:"score"`
	Overlap float64    `json:"overlap"`
	TopK    int        `json:"top_k"`
	Pixels  int        `json:"pixels"` // limit of an image
	Body    int64      `json:"body"`   // limit of a request, bytes
	Classes []classRow `json:"classes"`
	Assumed []string   `json:"assumed"`
}

type classRow struct {
	ID    int    `json:"id"`
	Name  string `json:"name"`
	Thing bool   `json:"thing"`
	Color string `json:"color"`
}

func rowOf(c data.Class) classRow { return classRow{c.ID, c.Name, c.Thing, hex(c.Color)} }

// describe answers GET /v1/model.
func (s *Server) describe(w http.ResponseWriter, _ *http.Request) {
	n, c := s.network, s.defaults()
	d := description{Name: n.Name, Backend: n.Backend, Task: string(n.Task), Width: n.Architecture.ImageW(), Height: n.Architecture.ImageH(),
		Score: c.score, Overlap: c.overlap, TopK: c.topK, Pixels: s.options.Pixels, Body: s.options.Body, Assumed: n.Assumed}
	if d.Assumed == nil {
		d.Assumed = []string{}
	}
	for _, class := range n.Classes {
		d.Classes = append(d.Classes, rowOf(class))
	}
	writeJSON(w, http.StatusOK, d)
}
