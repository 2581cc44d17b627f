package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"

	"golang.org/x/sync/errgroup"

	"eomt/serve"
)

// listeners are the addresses that are listened on; grpc may be nil.
type listeners struct{ http, grpc net.Listener }

func (o options) listen() (l listeners, err error) {
	if l.http, err = net.Listen("tcp", o.addr); err != nil || o.grpc == "" {
		return l, err
	}
	if l.grpc, err = net.Listen("tcp", o.grpc); err != nil {
		return l, errors.Join(fmt.Errorf("-grpc: %w", err), l.http.Close())
	}
	return l, nil
}

func (l listeners) close() error {
	err := l.http.Close()
	if l.grpc != nil {
		err = errors.Join(err, l.grpc.Close())
	}
	return err
}

// local reports whether only this machine reaches them.
func (l listeners) local() bool {
	return loopback(l.http.Addr()) && (l.grpc == nil || loopback(l.grpc.Addr()))
}

// start serves on all of them until ctx ends or one fails.
func (o options) start(ctx context.Context, server *serve.Server, l listeners, certificates []tls.Certificate) (wait func() error) {
	servers, ctx := errgroup.WithContext(ctx)
	servers.Go(func() error { return server.Serve(ctx, l.http, certificates, o.grace) })
	if l.grpc != nil {
		servers.Go(func() error { return server.ServeGRPC(ctx, l.grpc, certificates, o.grace) })
	}
	return servers.Wait
}

// print prints the addresses, one a line.
func (l listeners) print(secure bool) {
	scheme := "http"
	if secure {
		scheme = "https"
	}
	fmt.Printf("%s://%s\n", scheme, l.http.Addr())
	if l.grpc != nil {
		fmt.Printf("grpc://%s\n", l.grpc.Addr())
	}
}
