package main

import (
	"context"
	"path/filepath"

	"eomt/eval/iou"
	"eomt/eval/labelfiles"
	"eomt/eval/scoring"
	"eomt/internal/cli"
	"eomt/internal/progress"
)

func semantic(ctx context.Context, args []string) error {
	f := newFlags("semantic", "-gt-dir DIR -pred-dir DIR -dataset ade20k|cityscapes|FILE.yaml [-boundary]",
		"-gt-dir gtFine/val -pred-dir results -dataset cityscapes")
	truthDir := f.path("gt-dir", "`folder` of ground-truth label PNGs")
	predDir := f.path("pred-dir", "`folder` of predicted label PNGs")
	dataset := f.path("dataset", "ade20k, cityscapes, or your own class `file` (YAML)")
	boundary := f.Bool("boundary", false, "boundary mIoU too: of the pixels near the classes' contours")
	protocols, err := f.parse(args)
	if err != nil {
		return err
	}
	format, err := formatOf(*dataset)
	if err != nil {
		return err
	}
	pairs, err := labelfiles.Open(format, *truthDir, *predDir)
	if err != nil {
		return err
	}
	bar := progress.Start("score", pairs.Len()).Rate("images", 1)
	results, err := scoring.Semantic(ctx, pairs, rules(protocols, format.Absent, iou.AbsentZero), *boundary, tick(bar))
	bar.Finish()
	if err != nil {
		return err
	}
	return write(f, protocols, results, scoring.WriteSemantic)
}

func formatOf(dataset string) (labelfiles.Format, error) {
	switch {
	case dataset == "ade20k":
		return labelfiles.ADE20K(), nil
	case dataset == "cityscapes":
		return labelfiles.Cityscapes(), nil
	case filepath.Ext(dataset) == ".yaml" || filepath.Ext(dataset) == ".yml":
		return labelfiles.Own(dataset)
	}
	return labelfiles.Format{}, cli.Usagef("-dataset %s: want ade20k, cityscapes or a .yaml file", dataset)
}
