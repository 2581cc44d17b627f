package serve

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math"
	"net"
	"net/http"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	_ "google.golang.org/grpc/encoding/gzip" // clients may compress
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	grpcstatus "google.golang.org/grpc/status"
	"google.golang.org/grpc/tap"

	"eomt/internal/panics"
	"eomt/serve/oip"
	"eomt/serve/oip/oippb"
)

// aroundTensors is what a message may have besides a body's bytes.
const aroundTensors = 64 << 10

// ServeGRPC answers the gRPC service of the Open Inference Protocol until ctx ends; then
// it does as [Server.Serve].
func (s *Server) ServeGRPC(ctx context.Context, l net.Listener, certificates []tls.Certificate, grace time.Duration) error {
	options := []grpc.ServerOption{
		grpc.InTapHandle(s.admitCall), grpc.UnaryInterceptor(s.call),
		grpc.MaxRecvMsgSize(int(min(s.options.Body+aroundTensors, math.MaxInt32))),
		grpc.MaxConcurrentStreams(uint32(s.options.Uploads + s.options.Queue)), grpc.MaxHeaderListSize(64 << 10),
		grpc.ConnectionTimeout(10 * time.Second), grpc.KeepaliveParams(keepalive.ServerParameters{MaxConnectionIdle: 2 * time.Minute}),
	}
	if certificates != nil {
		options = append(options, grpc.Creds(credentials.NewTLS(&tls.Config{Certificates: certificates, MinVersion: tls.VersionTLS12})))
	}
	server := grpc.NewServer(options...)
	oippb.RegisterGRPCInferenceServiceServer(server, calls{s: s})
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	select {
	case err := <-ended:
		return fmt.Errorf("serve: gRPC: %w", err)
	case <-ctx.Done():
	}
	s.draining.Store(true)
	answered := make(chan struct{})
	go func() {
		server.GracefulStop()
		close(answered)
	}()
	select {
	case <-answered:
		return nil
	case <-time.After(grace):
		server.Stop()
		return fmt.Errorf("serve: shutting down: gRPC requests were not answered within %v", grace)
	}
}

// arrived is the context's key of a function that ends a call's upload.
type arrived struct{}

// admitCall refuses calls before their message is read: without a token, or if the
// server takes no requests. Inference takes a place of uploads until its message is
// there, which must not take longer than the limit.
func (s *Server) admitCall(ctx context.Context, info *tap.Info) (context.Context, error) {
	switch info.FullMethodName {
	case oippb.GRPCInferenceService_ServerLive_FullMethodName, oippb.GRPCInferenceService_ServerReady_FullMethodName:
		return ctx, nil
	}
	if err := s.authorized(first(info.Header, "authorization")); err != nil {
		return nil, statusOf(err)
	}
	if info.FullMethodName != oippb.GRPCInferenceService_ModelInfer_FullMethodName {
		return ctx, nil
	}
	if err := s.begin(); err != nil {
		return nil, statusOf(err)
	}
	ctx, cancel := context.WithCancel(ctx)
	late := time.AfterFunc(s.options.Upload, cancel)
	done := sync.OnceFunc(func() {
		late.Stop()
		<-s.uploads
	})
	context.AfterFunc(ctx, done)
	return context.WithValue(ctx, arrived{}, done), nil
}

func first(header metadata.MD, name string) string {
	if values := header.Get(name); len(values) > 0 {
		return values[0]
	}
	return ""
}

// call logs and counts a call, and turns errors and panics into statuses.
func (s *Server) call(ctx context.Context, message any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (answer any, err error) {
	began := time.Now()
	err = panics.Recover(func() (err error) {
		answer, err = handle(ctx, message)
		return err
	})
	code := codes.OK
	if err != nil {
		if _, known := grpcstatus.FromError(err); !known { // an unknown method's has one
			err = statusOf(err)
		}
		code = grpcstatus.Code(err)
		if code == codes.Internal {
			s.options.Log.Warn("not answered", "error", err)
		}
	}
	s.metrics.requests.WithLabelValues(info.FullMethod, code.String()).Inc()
	s.options.Log.Info("request", "method", "gRPC", "path", info.FullMethod, "status", code.String(), "milliseconds", time.Since(began).Milliseconds())
	return answer, err
}

// statusOf is what a client is told of an error.
func statusOf(err error) error {
	r := refusalOf(err)
	code, known := map[int]codes.Code{
		http.StatusBadRequest: codes.InvalidArgument, http.StatusUnprocessableEntity: codes.InvalidArgument, http.StatusRequestEntityTooLarge: codes.InvalidArgument,
		http.StatusUnauthorized: codes.Unauthenticated, http.StatusNotFound: codes.NotFound, http.StatusTooManyRequests: codes.ResourceExhausted,
		http.StatusServiceUnavailable: codes.Unavailable, statusClientGone: codes.Canceled,
	}[r.status]
	if !known {
		code = codes.Internal
	}
	if errors.Is(err, context.DeadlineExceeded) { // the client's own
		code = codes.DeadlineExceeded
	}
	return grpcstatus.Error(code, r.text)
}

// calls are the service's.
type calls struct {
	oippb.UnimplementedGRPCInferenceServiceServer
	s *Server
}

func (c calls) ServerLive(context.Context, *oippb.ServerLiveRequest) (*oippb.ServerLiveResponse, error) {
	return &oippb.ServerLiveResponse{Live: true}, nil
}

func (c calls) ServerReady(context.Context, *oippb.ServerReadyRequest) (*oippb.ServerReadyResponse, error) {
	return &oippb.ServerReadyResponse{Ready: c.s.available() == nil}, nil
}

func (c calls) ModelReady(_ context.Context, r *oippb.ModelReadyRequest) (*oippb.ModelReadyResponse, error) {
	_, err := c.s.model(r.GetName(), r.GetVersion())
	return &oippb.ModelReadyResponse{Ready: c.s.available() == nil}, err
}

func (c calls) ServerMetadata(context.Context, *oippb.ServerMetadataRequest) (*oippb.ServerMetadataResponse, error) {
	m := c.s.serverMetadata()
	return &oippb.ServerMetadataResponse{Name: m.Name, Version: m.Version, Extensions: m.Extensions}, nil
}

func (c calls) ModelMetadata(_ context.Context, r *oippb.ModelMetadataRequest) (*oippb.ModelMetadataResponse, error) {
	m, err := c.s.model(r.GetName(), r.GetVersion())
	if err != nil {
		return nil, err
	}
	rows := func(tensors []tensorRow) (rows []*oippb.ModelMetadataResponse_TensorMetadata) {
		for _, t := range tensors {
			rows = append(rows, &oippb.ModelMetadataResponse_TensorMetadata{Name: t.Name, Datatype: t.Datatype, Shape: t.Shape})
		}
		return rows
	}
	return &oippb.ModelMetadataResponse{Name: m.name, Versions: []string{modelVersion}, Platform: platform, Inputs: rows(m.inputs), Outputs: rows(m.outputs)}, nil
}

func (c calls) ModelConfig(_ context.Context, r *oippb.ModelConfigRequest) (*oippb.ModelConfigResponse, error) {
	m, err := c.s.model(r.GetName(), r.GetVersion())
	if err != nil {
		return nil, err
	}
	from := m.config()
	config := &oippb.ModelConfig{Name: from.Name, Platform: from.Platform, MaxBatchSize: int32(from.Most)}
	for _, row := range from.Inputs {
		config.Input = append(config.Input, &oippb.ModelInput{Name: row.Name, DataType: oippb.DataType(oippb.DataType_value[row.Type]), Dims: row.Dims})
	}
	for _, row := range from.Outputs {
		config.Output = append(config.Output, &oippb.ModelOutput{Name: row.Name, DataType: oippb.DataType(oippb.DataType_value[row.Type]), Dims: row.Dims})
	}
	return &oippb.ModelConfigResponse{Config: config}, nil
}

func (c calls) ModelInfer(ctx context.Context, message *oippb.ModelInferRequest) (*oippb.ModelInferResponse, error) {
	if done, ok := ctx.Value(arrived{}).(func()); ok {
		done()
	}
	m, err := c.s.model(message.GetModelName(), message.GetModelVersion())
	if err != nil {
		return nil, err
	}
	if err := c.s.enter(); err != nil {
		return nil, err
	}
	defer c.s.leave()
	request, err := oip.FromMessage(message)
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "%v", err)
	}
	response, err := m.answer(ctx, c.s, request)
	if err != nil {
		return nil, err
	}
	return response.Message(), nil
}
