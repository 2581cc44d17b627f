package serve

import (
	"context"
	"errors"
	"net/http"
	"time"

	"eomt/data"
	"eomt/data/decode"
	"eomt/eval/inference"
	"eomt/eval/postprocess"
	"eomt/internal/panics"
)

// errLate ends a request that took too long.
var errLate = errors.New("the answer took too long; the server is busy")

// segment answers POST /v1/segment.
func (s *Server) segment(w http.ResponseWriter, r *http.Request) {
	err := panics.Recover(func() error {
		form, err := wanted(r.Header.Values("Accept"))
		if err != nil {
			return err
		}
		var raw []byte
		var c settings
		if err := s.accept(func() (err error) { raw, c, err = s.read(w, r); return err }); err != nil {
			return err
		}
		c.form = form
		defer s.leave()
		began := time.Now()
		ctx, cancel := context.WithTimeoutCause(r.Context(), s.options.Answer, errLate)
		defer cancel()
		found, err := s.find(ctx, raw, c)
		if err != nil {
			return err
		}
		found.began = began
		if err := s.write(w, found); err != nil {
			return err
		}
		s.metrics.seconds.Observe(time.Since(began).Seconds())
		return nil
	})
	if err == nil {
		return
	}
	refused := refusalOf(err)
	if refused.status >= http.StatusInternalServerError {
		s.options.Log.Warn("not answered", "error", err)
	}
	refused.write(w)
}

var errFull = &refusal{http.StatusTooManyRequests, "the server is busy: all places of its queue are taken", 1}

// accept reads a request and accepts it: [Server.leave] gives its place back. A server
// that is full says so before it reads.
func (s *Server) accept(read func() error) error {
	if err := s.begin(); err != nil {
		return err
	}
	defer func() { <-s.uploads }()
	if err := read(); err != nil {
		return err
	}
	return s.enter()
}

// begin takes a place of uploads, unless the server takes no requests.
func (s *Server) begin() error {
	if err := s.available(); err != nil {
		return err
	}
	if len(s.accepted) == cap(s.accepted) {
		return errFull
	}
	select {
	case s.uploads <- struct{}{}:
		return nil
	default:
		return errFull
	}
}

// enter takes a place among those that wait for their answer.
func (s *Server) enter() error {
	select {
	case s.accepted <- struct{}{}:
		s.metrics.unanswered.Inc()
		return nil
	default:
		return errFull
	}
}

func (s *Server) leave() {
	<-s.accepted
	s.metrics.unanswered.Dec()
}

// finding is an image with what was found in it.
type finding struct {
	settings
	image      data.RGB
	found      postprocess.Segmentation
	candidates []postprocess.Candidate
	least      float64 // threshold from which they count
	began      time.Time
}

// find segments an image file.
func (s *Server) find(ctx context.Context, raw []byte, c settings) (*finding, error) {
	w, h, err := decode.Size(raw, "image")
	if err != nil {
		return nil, err
	}
	if err := s.affordable(w, h); err != nil {
		return nil, err
	}
	f := &finding{settings: c}
	rules := s.inference(c)
	var inputs []data.RGB
	var placement postprocess.Placement
	err = s.withDecoder(ctx, func() (err error) {
		if f.image, err = decode.ImageOriented(raw, "image"); err == nil {
			inputs, placement = rules.Inputs(f.image)
		}
		if c.form != formOverlay { // which alone needs it; many requests wait
			f.image.Pix = nil
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	logits, err := s.queue.predict(ctx, inputs)
	if err != nil {
		return nil, err
	}
	return f, s.withDecoder(ctx, func() error {
		f.found = rules.Rules().Apply(logits, placement)
		if f.found.Instances != nil {
			f.found.Instances = above(f.found.Instances, c.score)
		}
		if c.candidates && s.network.Task == postprocess.TaskPanoptic {
			f.candidates, f.least = postprocess.Candidates(logits[0], placement.Fit, candidateFloor, mostCandidates)
		}
		return nil
	})
}

// mostWindows limits what a narrow image costs: its shorter side becomes as long as the
// input's, and windows of that size are put along the other.
const mostWindows = 32

// affordable refuses an image by its size, before it is decoded.
func (s *Server) affordable(w, h int) error {
	if h > s.options.Pixels/w {
		return refuse(http.StatusRequestEntityTooLarge, "the image has %d x %d pixels; at most %d are read", w, h, s.options.Pixels)
	}
	if s.network.Task == postprocess.TaskSemantic && max(w, h) > mostWindows*min(w, h) {
		return refuse(http.StatusRequestEntityTooLarge, "the image has %d x %d pixels; one side may be at most %d times the other", w, h, mostWindows)
	}
	return nil
}

// What is sent of a panoptic network's queries, so that a page can move thresholds.
const (
	candidateFloor = .1
	mostCandidates = 64
)

// inference is how images are placed and read, as everywhere.
func (s *Server) inference(c settings) inference.Config {
	n := s.network
	return inference.Config{Task: n.Task, Classes: n.Classes, ImageH: n.Architecture.ImageH(), ImageW: n.Architecture.ImageW(), Score: c.score, Overlap: c.overlap, TopK: c.topK}
}

func above(found []postprocess.Detection, least float64) []postprocess.Detection {
	kept := []postprocess.Detection{}
	for _, d := range found {
		if d.Score >= least {
			kept = append(kept, d)
		}
	}
	return kept
}

// withDecoder runs work when a place for it is free.
func (s *Server) withDecoder(ctx context.Context, work func() error) error {
	select {
	case s.decoders <- struct{}{}:
		defer func() { <-s.decoders }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return panics.Recover(work)
}
