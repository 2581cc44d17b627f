package serve

import (
	"fmt"
	"log/slog"
	"runtime"
	"time"

	"eomt/data/decode"
	"eomt/eval/inference"
	"eomt/eval/postprocess"
	"eomt/segment"
)

// Network is what is served.
type Network struct {
	segment.Description
	inference.Predictor // of images of the description's size; called by one goroutine
	// Pixels runs normalised float32 images [b, 3, H, W]; nil where the network takes
	// bytes only.
	Pixels  func(pixels []float32, b int) (postprocess.Logits, error)
	Name    string // of the weights
	Backend string // what computes
}

// Options are limits. The zero value of each is its default, in brackets.
type Options struct {
	Batch     int           // inputs computed at once, at most [1]
	Wait      time.Duration // for more inputs than one [5 ms]
	Queue     int           // accepted requests that are not answered yet [64]
	Uploads   int           // bodies that are read at once [64]
	Decoders  int           // images decoded or post-processed at once [processors]
	Body      int64         // bytes of a request [32 MiB]
	Pixels    int           // of an image [25 million]
	Upload    time.Duration // for a body to arrive [30 s]
	Answer    time.Duration // from a body's last byte to the answer [60 s]
	Retry     time.Duration // between two attempts to run a network that failed [10 s]
	Token     string        // that requests must bear; empty: none
	CheckHost bool          // answer only requests to localhost or an address, against pages that rebind a name
	Log       *slog.Logger  // [discards]
}

func (o Options) withDefaults() (Options, error) {
	if o.Batch < 0 || o.Wait < 0 || o.Queue < 0 || o.Uploads < 0 || o.Decoders < 0 || o.Body < 0 || o.Pixels < 0 || o.Upload < 0 || o.Answer < 0 || o.Retry < 0 {
		return o, fmt.Errorf("serve: limits must be positive")
	}
	setDefault(&o.Batch, 1)
	setDefault(&o.Wait, 5*time.Millisecond)
	setDefault(&o.Queue, 64)
	setDefault(&o.Uploads, 64)
	setDefault(&o.Decoders, runtime.GOMAXPROCS(0))
	setDefault(&o.Body, 32<<20)
	setDefault(&o.Pixels, 25_000_000)
	setDefault(&o.Upload, 30*time.Second)
	setDefault(&o.Answer, time.Minute)
	setDefault(&o.Retry, 10*time.Second)
	o.Pixels = min(o.Pixels, decode.MaxPixels)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o, nil
}

func setDefault[T int | int64 | time.Duration](value *T, to T) {
	if *value == 0 {
		*value = to
	}
}
