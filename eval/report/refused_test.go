package report

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"eomt/eval"
)

func TestRefused(t *testing.T) {
	p, s := newRun(t, "a", eval.Panoptic, 5, 1), newRun(t, "b", eval.Semantic, 5, 1)
	twice := stored(eval.Panoptic, 3, 1)
	twice.Records[2].ImageID = twice.Records[0].ImageID
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for want, f := range map[string]func() error{
		"different tasks, which have no figures in common: a is panoptic, b is semantic": func() error {
			_, err := Analyse(t.Context(), []Run{p, s}, DefaultBootstrap, nil)
			return err
		},
		"two runs are called a": func() error {
			_, err := Analyse(t.Context(), []Run{p, p}, DefaultBootstrap, nil)
			return err
		},
		"report: no runs": func() error {
			_, err := Analyse(t.Context(), nil, DefaultBootstrap, nil)
			return err
		},
		"context canceled": func() error {
			_, err := Analyse(cancelled, []Run{p}, DefaultBootstrap, nil)
			return err
		},
		"run a: no images by protocol upstream": func() error {
			_, err := NewRun(Info{Name: "a"}, eval.Upstream, stored(eval.Panoptic, 3, 1))
			return err
		},
		"duplicate image": func() error {
			_, err := NewRun(Info{Name: "a"}, eval.Exact, twice)
			return err
		},
		"per_image.parquet": func() error {
			_, err := Recompute(t.Context(), t.TempDir(), nil)
			return err
		},
		"not a Parquet file, or damaged": func() error {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, PerImageFile), []byte("PAR1 and no more"), 0o666); err != nil {
				return err
			}
			_, err := Recompute(t.Context(), dir, nil)
			return err
		},
	} {
		if err := f(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
