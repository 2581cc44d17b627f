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
	weights, addr, task, config, engine, backend string
	tokenFile, tlsCert, tlsKey                   string
	ema                                          bool
	grace                                        time.Duration
	limits                                       serve.Options
}

func parse(args []string) (options, error) {
	var o options
	f := cli.Flags("serve", "go run ./cmd/serve -weights PATH [-addr 127.0.0.1:8080] [-token-file FILE] [-tls-cert FILE -tls-key FILE]",
		"go run ./cmd/serve -weights runs/quickstart, then open http://127.0.0.1:8080")
	f.StringVar(&o.weights, "weights", "", "`PATH` of a run, a checkpoint, a Hugging Face folder or an official pytorch_model.bin; with -engine ort also an exported .onnx file")
	f.StringVar(&o.addr, "addr", "127.0.0.1:8080", "`address` to listen on; port 0 takes a free one, which is printed; an address other than loopback opens the server to others")
	f.StringVar(&o.task, "task", "", "panoptic, instance or semantic; by default what the weights were trained for, or panoptic where they do not state it")
	f.StringVar(&o.config, "config", "", "configuration `FILE` that states task, classes, thresholds and image size where the weights do not")
	f.BoolVar(&o.ema, "ema", true, "take the moving averages of a run with train.ema; -ema=false takes the weights of its step")
	f.StringVar(&o.engine, "engine", "", segment.EngineUsage)
	f.StringVar(&o.backend, "backend", "", "xla:cuda, xla:cpu or go; by default GOMLX_BACKEND, otherwise the best available")
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
	l := o.limits
	switch {
	case o.weights == "":
		return o, cli.Usagef("-weights is missing: a run folder, a checkpoint or another file of weights")
	case f.NArg() > 0:
		return o, cli.Usagef("%s: serve takes flags only", f.Arg(0))
	case (o.tlsCert == "") != (o.tlsKey == ""):
		return o, cli.Usagef("-tls-cert and -tls-key belong together")
	case l.Batch < 1 || l.Queue < 1 || l.Body < 1 || l.Pixels < 1 || l.Answer <= 0 || o.grace <= 0:
		return o, cli.Usagef("-batch, -queue, -max-body, -max-pixels, -timeout and -grace must be positive")
	case o.task != "" && o.task != "panoptic" && o.task != "instance" && o.task != "semantic":
		return o, cli.Usagef("-task %s: want panoptic, instance or semantic", o.task)
	}
	if _, err := segment.ParseEngine(o.engine); err != nil {
		return o, cli.Usagef("-%v", err)
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
