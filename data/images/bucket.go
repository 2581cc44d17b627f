package images

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"

	"eomt/internal/progress"
)

// bucketScheme begins the name of a bucket and prefix.
const bucketScheme = "s3://"

// How often and how long an object is read. Each request is repeated by the client too.
const (
	readAttempts = 3
	readTime     = time.Minute // plus a second for each 100 kB
)

// bucket is a bucket of an S3 service.
type bucket struct {
	*connection
	name string
}

// findInBucket lists the images in and below s3://bucket/prefix.
func findInBucket(ctx context.Context, url string) ([]Image, error) {
	name, prefix, _ := strings.Cut(strings.TrimPrefix(url, bucketScheme), "/")
	if name == "" {
		return nil, fmt.Errorf("%s: want s3://BUCKET/PREFIX", url)
	}
	if isTar(prefix) || isCompressedTar(prefix) {
		return nil, fmt.Errorf("%s: tar files in a bucket are not read: fetch or mount them", url)
	}
	c, err := connect()
	if err != nil {
		return nil, err
	}
	b := &bucket{c, name}
	bar := progress.Start("list "+url, 0)
	defer bar.Finish()
	var found []Image
	ctx, cancel := context.WithCancel(ctx) // ends the listing where this returns early
	defer cancel()
	for object := range c.client.ListObjects(ctx, name, minio.ListObjectsOptions{Prefix: prefix, Recursive: true}) {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if object.Err != nil {
			return nil, b.explain(url, object.Err)
		}
		name, below := relative(object.Key, prefix)
		if !below || !isImage(path.Ext(name)) {
			continue
		}
		if err := checkName(name); err != nil {
			return nil, fmt.Errorf("%s: %w", url, err)
		}
		found = append(found, b.image(name, object.Key, object.Size))
		bar.Set(len(found), "")
	}
	if len(found) == 0 {
		return nil, none(url)
	}
	return found, nil
}

// relative is a key below a prefix, which ends at a slash; the object of just that key has
// its last part.
func relative(key, prefix string) (name string, below bool) {
	if key == prefix {
		return path.Base(key), true
	}
	if prefix != "" && !strings.HasSuffix(prefix, "/") {
		prefix += "/"
	}
	return strings.CutPrefix(key, prefix)
}

func (b *bucket) image(name, key string, size int64) Image {
	where := bucketScheme + b.name + "/" + key
	return Image{Name: name, Path: where, read: func(ctx context.Context) ([]byte, error) {
		if size > maxBytes {
			return nil, fmt.Errorf("%s: %d bytes: at most %d are read", where, size, maxBytes)
		}
		return b.read(ctx, where, key, size)
	}}
}

// read reads an object, again where its transfer broke off.
func (b *bucket) read(ctx context.Context, where, key string, size int64) (raw []byte, err error) {
	for range readAttempts {
		raw, err = b.readOnce(ctx, key, size)
		if err == nil {
			return raw, nil
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if err = b.explain(where, err); !errors.Is(err, ErrUnavailable) {
			return nil, err
		}
	}
	return nil, err
}

func (b *bucket) readOnce(ctx context.Context, key string, size int64) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, readTime+time.Duration(size/100_000)*time.Second)
	defer cancel()
	body, info, _, err := minio.Core{Client: b.client}.GetObject(ctx, b.name, key, minio.GetObjectOptions{})
	if err != nil {
		return nil, err
	}
	defer body.Close()
	raw, err := io.ReadAll(io.LimitReader(body, maxBytes))
	if err == nil && int64(len(raw)) != info.Size {
		err = io.ErrUnexpectedEOF
	}
	return raw, err
}

// explain says what a failed request means. What is not of the object alone wraps
// [ErrUnavailable].
func (b *bucket) explain(where string, err error) error {
	answer := minio.ToErrorResponse(err)
	switch {
	case answer.Code == "NoSuchBucket":
		return fmt.Errorf("%s: %s has no such bucket", where, b.endpoint)
	case answer.Code == "NoSuchKey":
		return fmt.Errorf("%s: there is no such object any more", where)
	case answer.Code == "InvalidAccessKeyId" || answer.Code == "SignatureDoesNotMatch" || answer.Code == "ExpiredToken":
		return fmt.Errorf("%s: %s does not accept the credentials (%s): %w", where, b.endpoint, answer.Code, ErrUnavailable)
	case answer.StatusCode == http.StatusForbidden && b.anonymous:
		return fmt.Errorf("%s: access denied, and no credentials were found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE for ~/.aws/credentials", where)
	case answer.StatusCode == http.StatusForbidden:
		return fmt.Errorf("%s: access denied (403): the credentials need s3:ListBucket and s3:GetObject", where)
	case answer.StatusCode >= 400 && answer.StatusCode < 500 && answer.StatusCode != http.StatusTooManyRequests && answer.StatusCode != http.StatusRequestTimeout:
		return fmt.Errorf("%s: %s answers %d %s: %s", where, b.endpoint, answer.StatusCode, answer.Code, answer.Message)
	}
	return fmt.Errorf("%s: %w (%s): %w", where, ErrUnavailable, b.endpoint, err)
}
