// Command serve segments images over HTTP, with a page to look at the segments. Start
// reading at main.go; options.go is the command line.
package main

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"

	"eomt/internal/backend"
	"eomt/internal/cli"
	"eomt/segment"
	"eomt/serve"
)

func main() {
	backend.HugePages()
	cli.Main("serve", run)
}

func run(ctx context.Context, args []string) (err error) {
	o, err := parse(args)
	if err != nil {
		return err
	}
	certificates, err := o.certificates()
	if err != nil {
		return err
	}
	if o.limits.Token, err = o.token(); err != nil {
		return err
	}
	l, err := o.listen() // before weights are read: the port may be taken
	if err != nil {
		return err
	}
	s, err := segment.Open(o.network.Weights, o.network.Options())
	if err != nil {
		return errors.Join(err, l.close())
	}
	defer s.Close()
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	log.Info("network", "task", s.Task, "classes", len(s.Classes), "width", s.Architecture.ImageW(), "height", s.Architecture.ImageH(), "backend", s.Backend)
	for _, sentence := range s.Assumed {
		log.Warn("assumed", "what", sentence)
	}
	if !l.local() && o.limits.Token == "" {
		log.Warn("anybody who reaches this address may use the server; -token-file asks for a token", "address", l.http.Addr().String())
	}
	o.limits.CheckHost = loopback(l.http.Addr())
	o.limits.Log = log
	n := serve.Network{Description: s.Description, Predictor: s, Name: filepath.Base(o.network.Weights), Backend: s.Backend}
	if s.TakesPixels() {
		n.Pixels = s.PredictPixels
	}
	return o.serve(ctx, l, certificates, n)
}

// serve answers until ctx ends, and prints the address once the network has run.
func (o options) serve(ctx context.Context, l listeners, certificates []tls.Certificate, n serve.Network) error {
	server, err := serve.New(n, o.limits)
	if err != nil {
		return errors.Join(err, l.close())
	}
	defer server.Close()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	ended := make(chan error, 1)
	wait := o.start(ctx, server, l, certificates)
	go func() { ended <- wait() }()
	warmed := make(chan error, 1)
	go func() { warmed <- server.Warmed(ctx) }()
	select {
	case err := <-ended:
		return err
	case err := <-warmed:
		if err != nil {
			cancel(err)
			return errors.Join(err, <-ended)
		}
	}
	l.print(certificates != nil)
	return <-ended
}

// loopback reports whether only this machine reaches an address.
func loopback(a net.Addr) bool {
	tcp, ok := a.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}
