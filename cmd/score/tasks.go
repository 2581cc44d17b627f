package main

import (
	"context"

	"eomt/eval/ap"
	"eomt/eval/cocofiles"
	"eomt/eval/pq"
	"eomt/eval/scoring"
	"eomt/internal/cli"
	"eomt/internal/progress"
)

func panoptic(ctx context.Context, args []string) error {
	f := newFlags("panoptic", "-gt JSON -gt-dir DIR -pred JSON -pred-dir DIR",
		"-gt panoptic_val2017.json -gt-dir panoptic_val2017 -pred pred.json -pred-dir pred")
	truth := f.path("gt", "panoptic ground truth (`JSON`)")
	truthDir := f.optional("gt-dir", "`folder` of its PNG maps (default: the JSON's name without .json)")
	pred := f.path("pred", "predictions in the same format (`JSON`)")
	predDir := f.optional("pred-dir", "`folder` of their PNG maps (default: the JSON's name without .json)")
	protocols, err := f.parse(args)
	if err != nil {
		return err
	}
	files, err := cocofiles.OpenPanoptic(*truth, *truthDir, *pred, *predDir)
	if err != nil {
		return err
	}
	bar := progress.Start("score", files.Len()).Rate("images", 1)
	results, err := scoring.Panoptic(ctx, files, rules(protocols, pq.Exact, pq.Upstream), tick(bar))
	bar.Finish()
	if err != nil {
		return err
	}
	return write(f, protocols, results, scoring.WritePanoptic)
}

func instance(ctx context.Context, args []string) error {
	f := newFlags("instance", "-gt JSON -pred RESULTS.json", "-gt instances_val2017.json -pred results.json")
	truth := f.path("gt", "instance ground truth (`JSON`)")
	pred := f.path("pred", "COCO results list with segmentations (`JSON`)")
	boundary := f.Bool("boundary", false, "boundary AP: Boundary IoU where it is lower than the masks' (protocol exact only)")
	protocols, err := f.parse(args)
	if err != nil {
		return err
	}
	byExact := ap.Exact
	if *boundary {
		if byExact = ap.Boundary; *f.protocol != exact {
			return cli.Usagef("-boundary with -protocol %s: want %s", *f.protocol, exact)
		}
	}
	files, err := cocofiles.OpenInstances(*truth, *pred)
	if err != nil {
		return err
	}
	bar := progress.Start("score", files.Len()).Rate("images", 1)
	results, err := scoring.Instances(ctx, files, rules(protocols, byExact, ap.Upstream), tick(bar))
	bar.Finish()
	if err != nil {
		return err
	}
	return write(f, protocols, results, scoring.WriteInstances)
}
