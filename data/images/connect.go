package images

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// The environment that AWS's own programs read.
var (
	endpointVariables = []string{"AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"}
	regionVariables   = []string{"AWS_REGION", "AWS_DEFAULT_REGION"}
	roleVariables     = []string{"AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"}
)

const (
	awsEndpoint     = "https://s3.amazonaws.com"
	metadataTime    = 2 * time.Second  // for a machine's own credentials
	answerTime      = 30 * time.Second // until an answer begins
	requestAttempts = 5
)

// connection is a client of an S3 service.
type connection struct {
	client    *minio.Client
	endpoint  string
	anonymous bool // no credentials were found
}

// connect reads endpoint, region and credentials from the environment, credentials also from
// ~/.aws/credentials or the machine's or pod's role. Without any it reads public buckets.
func connect() (*connection, error) {
	endpoint := firstSet(endpointVariables)
	own := endpoint == ""
	if own {
		endpoint = awsEndpoint
	}
	address, err := url.Parse(endpoint)
	if err != nil || address.Host == "" || address.Scheme != "http" && address.Scheme != "https" || address.Path != "" && address.Path != "/" {
		return nil, fmt.Errorf("AWS_ENDPOINT_URL %q: want http://HOST:PORT or https://HOST", endpoint)
	}
	secure := address.Scheme == "https"
	transport, err := minio.DefaultTransport(secure)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", endpoint, err)
	}
	transport.ResponseHeaderTimeout = answerTime
	c := &connection{endpoint: endpoint}
	found := findCredentials(own)
	value, err := found.GetWithContext(&credentials.CredContext{Client: &http.Client{Timeout: metadataTime}})
	if c.anonymous = err != nil || value.AccessKeyID == ""; c.anonymous {
		found = credentials.NewStatic("", "", "", credentials.SignatureAnonymous) // the chain would look again for each request
	}
	region := firstSet(regionVariables)
	if region == "" && !own {
		region = "us-east-1" // what other services take
	}
	c.client, err = minio.New(address.Host, &minio.Options{Creds: found, Secure: secure, Region: region, Transport: transport, MaxRetries: requestAttempts})
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", endpoint, err)
	}
	return c, nil
}

// findCredentials looks for a role's credentials where its variables are set, and for a
// machine's at AWS itself.
func findCredentials(aws bool) *credentials.Credentials {
	chain := []credentials.Provider{&credentials.EnvAWS{}, &credentials.FileAWSCredentials{}}
	if firstSet(roleVariables) != "" || aws && os.Getenv("AWS_EC2_METADATA_DISABLED") != "true" {
		chain = append(chain, &credentials.IAM{Client: &http.Client{Timeout: metadataTime}})
	}
	return credentials.NewChainCredentials(chain)
}

// firstSet is the value of the first variable that is set.
func firstSet(names []string) string {
	if i := slices.IndexFunc(names, func(name string) bool { return os.Getenv(name) != "" }); i >= 0 {
		return os.Getenv(names[i])
	}
	return ""
}
