package serve

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Server answers requests with a network's segments.
type Server struct {
	network  Network
	options  Options
	queue    *queue
	metrics  *metrics
	uploads  chan struct{} // a place for each body that is read
	accepted chan struct{} // a place for each request that waits for its answer
	decoders chan struct{}
	draining atomic.Bool
	handler  http.Handler
}

// New starts to warm the network up. Whoever calls it calls [Server.Close].
func New(n Network, o Options) (*Server, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	if len(n.Classes) == 0 || n.Architecture.Grid == [2]int{} {
		return nil, fmt.Errorf("serve: the network has no classes or no image size")
	}
	s := &Server{network: n, options: o, metrics: newMetrics(),
		uploads: make(chan struct{}, o.Uploads), accepted: make(chan struct{}, o.Queue), decoders: make(chan struct{}, o.Decoders)}
	s.queue = newQueue(n, o, s.metrics)
	s.handler = s.routes()
	go s.queue.run()
	return s, nil
}

// Close ends the goroutine that owns the device, after the batch at hand.
func (s *Server) Close() {
	close(s.queue.stop)
	<-s.queue.ended
}

// Warmed waits until the network has run once, and returns its error if it failed.
func (s *Server) Warmed(ctx context.Context) error {
	select {
	case <-s.queue.warmed:
		return s.queue.ready()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Handler answers all routes.
func (s *Server) Handler() http.Handler { return s.handler }

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, http.StatusOK, status{"ok"}) })
	mux.HandleFunc("GET /readyz", s.readyz)
	mux.HandleFunc("GET /openapi.json", openapi)
	mux.Handle("GET /metrics", s.guarded(promhttp.HandlerFor(s.metrics.registry, promhttp.HandlerOpts{})))
	mux.Handle("GET /v1/model", s.guarded(http.HandlerFunc(s.describe)))
	mux.Handle("POST /v1/segment", s.guarded(http.HandlerFunc(s.segment)))
	s.inferenceRoutes(mux)
	mux.HandleFunc("GET /{$}", page)
	mux.HandleFunc("GET /page/{file}", page)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		refusalOf(refuse(http.StatusNotFound, "%s %s: there is no such route; /openapi.json lists them", r.Method, r.URL.Path)).write(w)
	})
	return s.outermost(mux)
}

type status struct {
	Status string `json:"status"`
}

// available is nil if new requests are accepted.
func (s *Server) available() error {
	if s.draining.Load() {
		return &refusal{http.StatusServiceUnavailable, "the server is shutting down", 5}
	}
	if err := s.queue.ready(); err != nil {
		return &refusal{http.StatusServiceUnavailable, err.Error(), 5}
	}
	return nil
}

func (s *Server) readyz(w http.ResponseWriter, _ *http.Request) {
	if err := s.available(); err != nil {
		refusalOf(err).write(w)
		return
	}
	writeJSON(w, http.StatusOK, status{"ready"})
}

// Serve answers connections of the listener until ctx ends. Then it accepts no more
// requests, answers those that it has within grace, and returns. Without certificates
// it speaks plain HTTP.
func (s *Server) Serve(ctx context.Context, l net.Listener, certificates []tls.Certificate, grace time.Duration) error {
	server := &http.Server{Handler: s.handler, ReadHeaderTimeout: min(10*time.Second, s.options.Upload), IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10}
	if certificates != nil {
		server.TLSConfig = &tls.Config{Certificates: certificates, MinVersion: tls.VersionTLS12}
	}
	ended := make(chan error, 1)
	go func() {
		if certificates != nil {
			ended <- server.ServeTLS(l, "", "")
		} else {
			ended <- server.Serve(l)
		}
	}()
	select {
	case err := <-ended:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	s.draining.Store(true)
	s.options.Log.Info("shutting down", "unanswered", len(s.accepted))
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	err := server.Shutdown(late)
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("serve: shutting down: %d requests were not answered within %v", len(s.accepted), grace)
	}
	return errors.Join(err, server.Close())
}
