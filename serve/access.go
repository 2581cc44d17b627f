package serve

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"eomt/internal/panics"
)

// outermost logs and counts requests, refuses those that other sites' pages make, and
// turns a panic into an answer.
func (s *Server) outermost(next *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		out := &recorder{ResponseWriter: w}
		_ = http.NewResponseController(w).SetWriteDeadline(began.Add(s.options.Upload + 2*s.options.Answer)) // tests' writers have none
		header := out.Header()
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Cache-Control", "no-store")
		err := panics.Recover(func() error {
			if err := s.fromHere(r); err != nil {
				return err
			}
			next.ServeHTTP(out, r)
			return nil
		})
		if err != nil && out.status == 0 {
			refusalOf(err).write(out)
		}
		_, route := next.Handler(r)
		s.metrics.requests.WithLabelValues(route, strconv.Itoa(out.status)).Inc()
		s.options.Log.Info("request", "method", r.Method, "path", r.URL.Path, "status", out.status, "bytes", out.bytes,
			"milliseconds", time.Since(began).Milliseconds(), "from", r.RemoteAddr)
	})
}

var crossOrigin = http.NewCrossOriginProtection()

// fromHere refuses requests by pages of other sites: a browser on this machine may reach
// what a stranger cannot.
func (s *Server) fromHere(r *http.Request) error {
	if err := crossOrigin.Check(r); err != nil {
		return refuse(http.StatusForbidden, "requests by pages of other sites are not answered")
	}
	host := r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.Trim(host, "[]")
	if s.options.CheckHost && host != "localhost" && net.ParseIP(host) == nil {
		return refuse(http.StatusForbidden, "the name %s is not this server's: use localhost or its address", host)
	}
	return nil
}

// guarded asks for the token, if there is one.
func (s *Server) guarded(next http.Handler) http.Handler {
	if s.options.Token == "" {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := s.authorized(r.Header.Get("Authorization")); err != nil {
			refusalOf(err).write(w)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// authorized compares the token in constant time.
func (s *Server) authorized(header string) error {
	if s.options.Token == "" {
		return nil
	}
	scheme, token, _ := strings.Cut(header, " ")
	want, got := sha256.Sum256([]byte(s.options.Token)), sha256.Sum256([]byte(strings.TrimSpace(token)))
	if subtle.ConstantTimeCompare(got[:], want[:]) != 1 || !strings.EqualFold(scheme, "Bearer") {
		return refuse(http.StatusUnauthorized, "the request bears no valid token (Authorization: Bearer TOKEN)")
	}
	return nil
}

// recorder remembers what was answered.
type recorder struct {
	http.ResponseWriter
	status int
	bytes  int64
}

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	if status == statusClientGone { // nobody reads it, and net/http knows no such status
		status = http.StatusServiceUnavailable
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(p []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	n, err := r.ResponseWriter.Write(p)
	r.bytes += int64(n)
	return n, err
}

// Unwrap lets [http.ResponseController] set deadlines.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
