package serve

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/metadata"
	grpcstatus "google.golang.org/grpc/status"
	"google.golang.org/grpc/tap"

	"eomt/eval/postprocess"
	"eomt/serve/oip"
	"eomt/serve/oip/oippb"
)

// dial serves a network over gRPC until the test ends, or until stop is called.
func dial(t *testing.T, n Network, o Options, grace time.Duration) (s *Server, client oippb.GRPCInferenceServiceClient, stop func() error) {
	t.Helper()
	s, err := New(n, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	_ = s.Warmed(t.Context())
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.ServeGRPC(ctx, l, nil, grace) }()
	connection, err := grpc.NewClient("passthrough:"+l.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(1<<30)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); connection.Close() })
	return s, oippb.NewGRPCInferenceServiceClient(connection), func() error { cancel(); return <-ended }
}

func inferMessage(model, name, datatype string, shape []int64, raw []byte) *oippb.ModelInferRequest {
	return &oippb.ModelInferRequest{ModelName: model, Id: "7", Inputs: []*oippb.ModelInferRequest_InferInputTensor{{Name: name, Datatype: datatype, Shape: shape}},
		RawInputContents: [][]byte{raw}}
}

// Raw and typed contents, plain and compressed, are the same request.
func TestGRPCLogits(t *testing.T) {
	_, client, _ := dial(t, withPixels(&stub{}), Options{}, time.Minute)
	shape := []int64{1, 3, side, side}
	raw := inferMessage(rawModel, pixelValues, oip.FP32, shape, rawPixels(1))
	typed := inferMessage(rawModel, pixelValues, oip.FP32, shape, nil)
	typed.RawInputContents = nil
	typed.Inputs[0].Contents = &oippb.InferTensorContents{Fp32Contents: oip.Tensor{Raw: rawPixels(1)}.Floats()}
	var first []byte
	for _, c := range []struct {
		m *oippb.ModelInferRequest
		o []grpc.CallOption
	}{{raw, nil}, {typed, nil}, {raw, []grpc.CallOption{grpc.UseCompressor(gzip.Name)}}, {raw, []grpc.CallOption{grpc.UseCompressor("deflate")}}} {
		a, err := client.ModelInfer(t.Context(), c.m, c.o...)
		if err != nil {
			t.Fatal(err)
		}
		masks := a.RawOutputContents[1]
		if first == nil {
			first = masks
		}
		if a.Id != "7" || a.Outputs[1].Name != maskLogits || !slices.Equal(a.Outputs[1].Shape, []int64{1, 3, grid, grid}) || !bytes.Equal(masks, first) {
			t.Errorf("%v, %d bytes", a.Outputs, len(masks))
		}
	}
	if values := (oip.Tensor{Raw: first}).Floats(); values[0] != 4 || values[grid-1] != -4 {
		t.Errorf("%v", values[:grid])
	}
}

// A message larger than the library's usual 4 MB is an image's file.
func TestGRPCLargeImage(t *testing.T) {
	_, client, _ := dial(t, withPixels(&stub{}), Options{}, time.Minute)
	picture := append(photo(40, 30), make([]byte, 5<<20)...)
	message := inferMessage(imageModel, imageFile, oip.BYTES, []int64{1}, oip.FromBytes("", picture).Raw)
	message.Parameters = map[string]*oippb.InferParameter{"score": {ParameterChoice: &oippb.InferParameter_DoubleParam{DoubleParam: .9}}}
	a, err := client.ModelInfer(t.Context(), message)
	if err != nil {
		t.Fatal(err)
	}
	var found answer
	if err := json.Unmarshal(a.RawOutputContents[0][4:], &found); err != nil || found.Score != .9 || found.Width != 40 || len(found.Segments) != 2 {
		t.Errorf("%+v, %v", found, err)
	}
}

func TestGRPCRefuses(t *testing.T) {
	s, client, _ := dial(t, withPixels(&stub{}), Options{Body: 1 << 20, Pixels: 5000}, time.Minute)
	image := func(raw []byte) *oippb.ModelInferRequest {
		return inferMessage(imageModel, imageFile, oip.BYTES, []int64{1}, oip.FromBytes("", raw).Raw)
	}
	both := image(photo(8, 8))
	both.Inputs[0].Contents = &oippb.InferTensorContents{}
	uncounted := image(nil)
	uncounted.RawInputContents = append(uncounted.RawInputContents, nil)
	shared := image(photo(8, 8))
	shared.Inputs[0].Parameters = map[string]*oippb.InferParameter{"shared_memory_region": {}}
	large := inferMessage(rawModel, pixelValues, oip.UINT8, []int64{1}, nil)
	large.RawInputContents = nil
	large.Inputs[0].Contents = &oippb.InferTensorContents{UintContents: []uint32{256}}
	for _, c := range []struct {
		message *oippb.ModelInferRequest
		code    codes.Code
		text    string
		options []grpc.CallOption
	}{
		{inferMessage("other", "x", oip.UINT8, []int64{1}, []byte{1}), codes.NotFound, `there is no model "other"`, nil},
		{inferMessage(rawModel, pixelValues, oip.UINT8, []int64{1}, []byte{1}), codes.InvalidArgument, "has shape [1]", nil},
		{inferMessage(rawModel, pixelValues, oip.UINT8, []int64{2}, []byte{1}), codes.InvalidArgument, "shape [2] has 2 elements", nil},
		{image([]byte("none")), codes.InvalidArgument, "image", nil},
		{image(photo(100, 100)), codes.InvalidArgument, "at most 5000 are read", nil},
		{both, codes.InvalidArgument, "has both contents and raw_input_contents", nil},
		{uncounted, codes.InvalidArgument, "raw_input_contents has 2 entries for 1 inputs", nil},
		{shared, codes.InvalidArgument, "shared_memory_region is not supported", nil},
		{large, codes.InvalidArgument, "256 is no UINT8", nil},
		{image(make([]byte, 2<<20)), codes.ResourceExhausted, "larger than max", nil},
		{image(make([]byte, 8<<20)), codes.ResourceExhausted, "larger than max", []grpc.CallOption{grpc.UseCompressor(gzip.Name)}},
	} {
		_, err := client.ModelInfer(t.Context(), c.message, c.options...)
		if grpcstatus.Code(err) != c.code || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%v, want %v %s", err, c.code, c.text)
		}
	}
	for len(s.uploads) > 0 { // a stream ends a moment after its answer
		time.Sleep(time.Millisecond)
	}
	if _, err := client.ModelMetadata(t.Context(), &oippb.ModelMetadataRequest{Name: rawModel, Version: "2"}); grpcstatus.Code(err) != codes.NotFound {
		t.Error(err)
	}
	for range cap(s.accepted) {
		s.accepted <- struct{}{}
	}
	if _, err := client.ModelInfer(t.Context(), image(photo(8, 8))); grpcstatus.Code(err) != codes.ResourceExhausted || !strings.Contains(err.Error(), "all places of its queue are taken") {
		t.Error(err)
	}
	s.draining.Store(true)
	if _, err := client.ModelInfer(t.Context(), image(photo(8, 8))); grpcstatus.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), "shutting down") {
		t.Error(err)
	}
	if ready, err := client.ServerReady(t.Context(), &oippb.ServerReadyRequest{}); err != nil || ready.Ready {
		t.Errorf("%v, %v", ready, err)
	}
}

func TestGRPCAsksForToken(t *testing.T) {
	_, client, _ := dial(t, withPixels(&stub{}), Options{Token: "secret"}, time.Minute)
	if live, err := client.ServerLive(t.Context(), &oippb.ServerLiveRequest{}); err != nil || !live.Live {
		t.Errorf("%v, %v", live, err)
	}
	for token, want := range map[string]codes.Code{"Bearer secret": codes.OK, "Bearer other": codes.Unauthenticated, "": codes.Unauthenticated} {
		ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", token)
		if _, err := client.ModelConfig(ctx, &oippb.ModelConfigRequest{Name: rawModel}); grpcstatus.Code(err) != want {
			t.Errorf("%q: %v", token, err)
		}
	}
}

// Calls that were accepted are answered after the end of the context; a network that
// hangs does not hold the server longer than grace.
func TestGRPCDraining(t *testing.T) {
	for name, grace := range map[string]time.Duration{"answered": time.Minute, "late": 20 * time.Millisecond} {
		n := &stub{}
		network := withPixels(n)
		s, client, stop := dial(t, network, Options{}, grace)
		n.gate = make(chan struct{})
		message := inferMessage(imageModel, imageFile, oip.BYTES, []int64{1}, oip.FromBytes("", photo(16, 16)).Raw)
		answers := make(chan error, 5)
		for range cap(answers) {
			go func() {
				_, err := client.ModelInfer(context.Background(), message)
				answers <- err
			}()
		}
		for len(s.accepted) < cap(answers) {
			time.Sleep(time.Millisecond)
		}
		stopped := make(chan error, 1)
		go func() { stopped <- stop() }()
		for !s.draining.Load() {
			time.Sleep(time.Millisecond)
		}
		if name == "answered" {
			close(n.gate)
		}
		for range cap(answers) {
			if err := <-answers; (err == nil) != (name == "answered") {
				t.Errorf("%s: %v", name, err)
			}
		}
		if err := <-stopped; (err == nil) != (name == "answered") || err != nil && !strings.Contains(err.Error(), "not answered within 20ms") {
			t.Errorf("%s: %v", name, err)
		}
		if name == "late" {
			close(n.gate)
		}
	}
}

// A message that does not come in time gives its place back.
func TestGRPCSlowClient(t *testing.T) {
	s, _, _ := dial(t, networkOf(&stub{}, postprocess.TaskPanoptic), Options{Upload: 30 * time.Millisecond}, time.Minute)
	ctx, err := s.admitCall(t.Context(), &tap.Info{FullMethodName: oippb.GRPCInferenceService_ModelInfer_FullMethodName})
	if err != nil || len(s.uploads) != 1 {
		t.Fatalf("%v, %d", err, len(s.uploads))
	}
	<-ctx.Done()
	for len(s.uploads) > 0 {
		time.Sleep(time.Millisecond)
	}
}
