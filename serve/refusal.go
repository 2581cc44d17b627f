package serve

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"eomt/data"
)

// refusal is an error with the status that tells a client what to do.
type refusal struct {
	status int
	text   string
	after  int // seconds to wait before the next attempt; 0: do not repeat it
}

func (r *refusal) Error() string { return r.text }

func refuse(status int, format string, args ...any) error {
	return &refusal{status: status, text: fmt.Sprintf(format, args...)}
}

// refusalOf finds out what a client is told of an error. A file that cannot be read is
// the client's fault; what is not known is the server's.
func refusalOf(err error) *refusal {
	var r *refusal
	var file *data.FormatError
	switch {
	case errors.As(err, &r):
		return r
	case errors.As(err, &file):
		return &refusal{status: http.StatusUnprocessableEntity, text: file.Error()}
	case errors.Is(err, errLate):
		return &refusal{status: http.StatusServiceUnavailable, text: err.Error(), after: 5}
	case errors.Is(err, errStopped):
		return &refusal{status: http.StatusServiceUnavailable, text: err.Error(), after: 5}
	case errors.Is(err, context.Canceled):
		return &refusal{status: statusClientGone, text: "the client has gone"}
	}
	return &refusal{status: http.StatusInternalServerError, text: "the server failed: " + err.Error()}
}

// statusClientGone is what logs and metrics record for requests without a reader.
const statusClientGone = 499

// write answers with the error as JSON.
func (r *refusal) write(w http.ResponseWriter) {
	if r.after > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(r.after))
	}
	if r.status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	writeJSON(w, r.status, map[string]string{"error": r.text})
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	raw, err := json.Marshal(value)
	if err != nil { // of our own types
		panic(err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(raw, '\n'))
}
