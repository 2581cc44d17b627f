package hub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	hf "github.com/gomlx/go-huggingface/hub"

	"eomt/internal/atomicfile"
)

// Options select hub and cache; the zero value is the public hub and the cache
// folder of Hugging Face's tools.
type Options struct {
	Endpoint string // URL of the hub; empty: HF_ENDPOINT, otherwise the public one
	CacheDir string // empty: XDG_CACHE_HOME/huggingface/hub
	Token    string // empty: HF_TOKEN, otherwise the token file of huggingface-cli login
	Revision string // branch, tag or commit; "main" where empty

	// Progress, if not nil, is called with the bytes of a file that have arrived.
	Progress func(file string, done, total int64)
	// Notice, if not nil, is called with notices for the user.
	Notice func(text string)
}

// The files that make up weights, by preference.
const (
	configFile = "config.json"
	singleFile = "model.safetensors"
	indexFile  = "model.safetensors.index.json"
	binFile    = "pytorch_model.bin"
)

// Fetch brings the weights that reference names (see [Repository]) into the
// cache and returns their folder: config.json where there is one, and
// model.safetensors, its shards, or pytorch_model.bin. Files that are there
// already are checked and not fetched again; an interrupted transfer resumes
// where it stopped. Without a network the folder of an earlier fetch is returned,
// with a notice, or an error that says what to do.
func Fetch(ctx context.Context, reference string, o Options) (string, error) {
	id, err := Repository(reference)
	if err != nil {
		return "", err
	}
	if o.Revision == "" {
		o.Revision = "main"
	}
	if !revisionForm.MatchString(o.Revision) {
		return "", fmt.Errorf("hub: %q is not a branch, tag or commit", o.Revision)
	}
	f := &fetcher{Options: o, id: id, reference: reference, repo: hf.New(id).WithRevision(o.Revision)}
	f.repo.Verbosity = 0
	if o.Endpoint != "" {
		f.repo.WithEndpoint(strings.TrimSuffix(o.Endpoint, "/"))
	}
	if o.CacheDir != "" {
		f.repo.WithCacheDir(o.CacheDir)
	}
	if f.Token == "" {
		f.Token = token()
	}
	f.repo.WithAuth(f.Token)
	dir, err := f.fetch(ctx)
	if err != nil {
		return "", fmt.Errorf("hub: fetch %s: %w", reference, err)
	}
	return dir, nil
}

// token is the user's access token, empty if there is none.
func token() string {
	if t := os.Getenv("HF_TOKEN"); t != "" {
		return t
	}
	text, err := os.ReadFile(filepath.Join(filepath.Dir(hf.DefaultCacheDir()), "token"))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

type fetcher struct {
	Options
	id        string
	reference string
	repo      *hf.Repo
	cache     string // the repository's folder in the cache
}

func (f *fetcher) fetch(ctx context.Context) (string, error) {
	var err error
	if f.cache, err = f.repo.CacheDir(); err != nil {
		return "", err
	}
	// A request removes the hub's cached answer, which is needed if the hub is unreachable.
	infoPath := filepath.Join(f.cache, "info", f.Revision)
	known, _ := os.ReadFile(infoPath)
	if err := f.ask(ctx); err != nil {
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		if known != nil {
			if err := atomicfile.WriteBytes(infoPath, known); err != nil {
				return "", err
			}
			if dir, ok := f.cached(known); ok {
				f.notice(fmt.Sprintf("the hub does not answer (%v); using what was fetched before, %s", root(err), dir))
				return dir, nil
			}
		}
		return "", f.explain(err)
	}
	files, err := f.wanted(ctx)
	if err != nil {
		return "", f.explain(err)
	}
	var paths []string
	for _, file := range files {
		if err := f.blob(ctx, file); err != nil {
			return "", f.explain(err)
		}
		linked, err := f.repo.DownloadFilesCtx(ctx, file.Name)
		if err != nil {
			return "", f.explain(err)
		}
		paths = append(paths, linked...)
	}
	return filepath.Dir(paths[0]), nil
}

// ask requests the repository's file list; go-huggingface's own call cannot be
// interrupted.
func (f *fetcher) ask(ctx context.Context) error {
	done := make(chan error, 1)
	go func() { done <- f.repo.DownloadInfo(true) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// wanted lists the files to fetch, the index's shards after the index.
func (f *fetcher) wanted(ctx context.Context) ([]*hf.FileInfo, error) {
	find := func(name string) *hf.FileInfo {
		for _, file := range f.repo.Info().Siblings {
			if file.Name == name {
				return file
			}
		}
		return nil
	}
	var files []*hf.FileInfo
	if config := find(configFile); config != nil {
		files = append(files, config)
	}
	if single := find(singleFile); single != nil {
		return append(files, single), nil
	}
	if index := find(indexFile); index != nil {
		shards, err := f.shards(ctx, index)
		if err != nil {
			return nil, err
		}
		files = append(files, index)
		for _, name := range shards {
			shard := find(name)
			if shard == nil {
				return nil, fmt.Errorf("%s names %s, which the repository does not have", indexFile, name)
			}
			files = append(files, shard)
		}
		return files, nil
	}
	if bin := find(binFile); bin != nil {
		return append(files, bin), nil
	}
	return nil, fmt.Errorf("the repository has neither %s nor %s nor %s", singleFile, indexFile, binFile)
}

// shards fetches the index and lists the files that it names.
func (f *fetcher) shards(ctx context.Context, file *hf.FileInfo) ([]string, error) {
	if err := f.blob(ctx, file); err != nil {
		return nil, err
	}
	text, err := os.ReadFile(f.blobPath(file))
	if err != nil {
		return nil, err
	}
	var index struct {
		WeightMap map[string]string `json:"weight_map"`
	}
	if err := json.Unmarshal(text, &index); err != nil {
		return nil, fmt.Errorf("%s: %w", file.Name, err)
	}
	var names []string
	for _, name := range index.WeightMap {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}

// cached is the folder of an earlier fetch, from the hub's cached answer.
func (f *fetcher) cached(info []byte) (string, bool) {
	said := &hf.RepoInfo{}
	if err := json.Unmarshal(info, said); err != nil || !revisionForm.MatchString(said.CommitHash) {
		return "", false
	}
	dir := filepath.Join(f.cache, "snapshots", said.CommitHash)
	for _, name := range []string{singleFile, indexFile, binFile} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			return dir, true
		}
	}
	return "", false
}

func (f *fetcher) notice(text string) {
	if f.Notice != nil {
		f.Notice(text)
	}
}

var refused = regexp.MustCompile(`\b40[13]\b`)

// explain adds to an error what a user can do about it.
func (f *fetcher) explain(err error) error {
	if errors.Is(err, context.Canceled) || errors.As(err, new(*ChecksumError)) {
		return err
	}
	text := err.Error()
	switch {
	case refused.MatchString(text) && f.Token == "":
		return fmt.Errorf("%s is private, gated or not there: accept its licence on its page, set HF_TOKEN to an access token and run again (%w)", f.id, err)
	case refused.MatchString(text):
		return fmt.Errorf("the access token may not read %s: accept its licence on its page, or set HF_TOKEN to another token (%w)", f.id, err)
	case strings.Contains(text, "404"):
		return fmt.Errorf("%s has no revision %q, or is not there (%w)", f.id, f.Revision, err)
	}
	return fmt.Errorf("%w; run again to resume, or, where this machine has no network, fetch %s on one that has "+
		"(go run ./cmd/weights fetch %s), copy the printed folder here (cp -rL) and give its path instead of %s",
		root(err), f.id, f.reference, f.reference)
}

// root unwraps an error to that of the transport or file system, as go-huggingface's
// wrapping repeats addresses. Errors of this package are returned unchanged.
func root(err error) error {
	var transport *url.Error
	if !errors.As(err, &transport) {
		return err
	}
	for errors.Unwrap(err) != nil {
		err = errors.Unwrap(err)
	}
	return err
}
