package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"image"
	"image/png"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"eomt/serve/oip/oippb"
)

// certificate writes a certificate of 127.0.0.1 and its key.
func certificate(t *testing.T) (cert, key string, pool *x509.CertPool) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "serve"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for path, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: raw}, key: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool = x509.NewCertPool()
	pool.AppendCertsFromPEM(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw}))
	return cert, key, pool
}

// The command speaks HTTPS, as HTTP/1.1 and HTTP/2, to those who have the token.
func TestTLSAndToken(t *testing.T) {
	if testing.Short() {
		t.Skip("runs a network")
	}
	cert, key, pool := certificate(t)
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := startProcess(t, "-weights", weights(t), "-addr", "127.0.0.1:0", "-grpc", "127.0.0.1:0", "-backend", "go", "-tls-cert", cert, "-tls-key", key, "-token-file", token)
	if !strings.HasPrefix(p.address, "https://127.0.0.1:") {
		t.Fatalf("address %s", p.address)
	}
	var photo bytes.Buffer
	if err := png.Encode(&photo, image.NewGray(image.Rect(0, 0, 40, 30))); err != nil {
		t.Fatal(err)
	}
	for _, two := range []bool{false, true} {
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: two}}
		for bearer, want := range map[string]int{"": 401, "Bearer wrong": 401, "Bearer secret": 200} {
			request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.address+"/v1/segment", bytes.NewReader(photo.Bytes()))
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Authorization", bearer)
			response, err := client.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			raw, _ := io.ReadAll(response.Body)
			response.Body.Close()
			if response.StatusCode != want || (response.ProtoMajor == 2) != two {
				t.Errorf("%q: %d %s in %s, want %d", bearer, response.StatusCode, raw, response.Proto, want)
			}
		}
	}
	if response, err := http.Get("http" + strings.TrimPrefix(p.address, "https") + "/healthz"); err == nil {
		response.Body.Close()
		if response.StatusCode != http.StatusBadRequest {
			t.Errorf("without TLS: %d", response.StatusCode)
		}
	}
	callWithTLS(t, p, pool)
	p.terminate()
	p.wait(t)
}

// callWithTLS uses the gRPC service with and without the token.
func callWithTLS(t *testing.T, p *process, pool *x509.CertPool) {
	t.Helper()
	line, err := p.stdout.ReadString('\n')
	address, found := strings.CutPrefix(strings.TrimSpace(line), "grpc://")
	if err != nil || !found {
		t.Fatalf("%q, %v", line, err)
	}
	connection, err := grpc.NewClient("passthrough:"+address, grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{RootCAs: pool, ServerName: "127.0.0.1"})))
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	client := oippb.NewGRPCInferenceServiceClient(connection)
	if ready, err := client.ServerReady(t.Context(), &oippb.ServerReadyRequest{}); err != nil || !ready.Ready {
		t.Errorf("%v, %v", ready, err)
	}
	for bearer, want := range map[string]codes.Code{"Bearer wrong": codes.Unauthenticated, "Bearer secret": codes.OK} {
		ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", bearer)
		if _, err := client.ModelReady(ctx, &oippb.ModelReadyRequest{Name: "eomt"}); status.Code(err) != want {
			t.Errorf("%q: %v, want %v", bearer, err, want)
		}
	}
}

// Weights that are no numbers end the command before it takes requests.
func TestDamagedWeights(t *testing.T) {
	if testing.Short() {
		t.Skip("runs a network")
	}
	err := run(context.Background(), []string{"-weights", damaged(t), "-addr", "127.0.0.1:0", "-backend", "go"})
	if err == nil || !strings.Contains(err.Error(), "the network fails: its class logits are not numbers: the weights are damaged") {
		t.Errorf("%v", err)
	}
}
