package main

import (
	"crypto/tls"
	"fmt"
	"os"
	"strings"
	"time"

	"eomt/internal/cli"
	"eomt/segment"
	"eomt/serve"
)

// options are the command line.
type options struct {
	network                                segment.Flags
	addr, grpc, tokenFile, tlsCert, tlsKey string
	grace                                  time.Duration
	limits                                 serve.Options
}

func parse(args []string) (options, error) {
	var o options
	f := cli.Flags("serve", "go run ./cmd/serve -weights PATH [-addr 127.0.0.1:8080] [-grpc 127.0.0.1:8081] [-token-file FILE] [-tls-cert FILE -tls-key FILE]",
		"go run ./cmd/serve -weights runs/quickstart, then open http://127.0.0.1:8080")
	o.network.Define(f)
	o.network.DefineTask(f)
	f.StringVar(&o.addr, "addr", "127.0.0.1:8080", "`address` to listen on; port 0 takes a free one, which is printed; an address other than loopback opens the server to others")
	f.StringVar(&o.grpc, "grpc", "", "`address` of the Open Inference Protocol's gRPC service; by default it is not served, and HTTP alone has the protocol, under /v2")
	f.StringVar(&o.tokenFile, "token-file", "", "`FILE` with the token that requests must bear (Authorization: Bearer TOKEN)")
	f.StringVar(&o.tlsCert, "tls-cert", "", "`FILE` with the certificate chain, PEM; needs -tls-key")
	f.StringVar(&o.tlsKey, "tls-key", "", "`FILE` with the certificate's key, PEM")
	f.IntVar(&o.limits.Batch, "batch", 1, "most images computed at once; more than 1 helps on a GPU")
	f.IntVar(&o.limits.Queue, "queue", 64, "requests that may wait; more are answered with 429")
	f.Int64Var(&o.limits.Body, "max-body", 32<<20, "bytes of a request")
	f.IntVar(&o.limits.Pixels, "max-pixels", 25_000_000, "pixels of an image")
	f.DurationVar(&o.limits.Answer, "timeout", time.Minute, "time to answer a request")
	f.DurationVar(&o.grace, "grace", time.Minute, "time to answer accepted requests after SIGTERM")
	if err := cli.Parse(f, args); err != nil {
		return o, err
	}
	if err := o.network.Check(); err != nil {
		return o, cli.Usagef("%v", err)
	}
	l := o.limits
	switch {
	case f.NArg() > 0:
		return o, cli.Usagef("%s: serve takes flags only", f.Arg(0))
	case (o.tlsCert == "") != (o.tlsKey == ""):
		return o, cli.Usagef("-tls-cert and -tls-key belong together")
	case l.Batch < 1 || l.Queue < 1 || l.Body < 1 || l.Pixels < 1 || l.Answer <= 0 || o.grace <= 0:
		return o, cli.Usagef("-batch, -queue, -max-body, -max-pixels, -timeout and -grace must be positive")
	}
	return o, nil
}

// token is the content of the token file, if one is named.
func (o options) token() (string, error) {
	if o.tokenFile == "" {
		return "", nil
	}
	raw, err := os.ReadFile(o.tokenFile)
	if err != nil {
		return "", fmt.Errorf("-token-file: %w", err)
	}
	token := strings.TrimSpace(string(raw))
	if token == "" {
		return "", fmt.Errorf("-token-file: %s is empty: the server would be open to all", o.tokenFile)
	}
	return token, nil
}

func (o options) certificates() ([]tls.Certificate, error) {
	if o.tlsCert == "" {
		return nil, nil
	}
	one, err := tls.LoadX509KeyPair(o.tlsCert, o.tlsKey)
	if err != nil {
		return nil, fmt.Errorf("-tls-cert: %w", err)
	}
	return []tls.Certificate{one}, nil
}
