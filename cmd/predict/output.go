package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"eomt/data"
	"eomt/eval/inference"
	"eomt/eval/postprocess"
	"eomt/eval/predictions"
	"eomt/internal/atomicfile"
)

// The names of predict's other outputs.
const (
	overlaysDir = "overlays"
	manifest    = "predict.files"
	failedJSON  = "failed.json"
)

// output is the -out folder of one run. take and failed are safe for concurrent use.
type output struct {
	folder   predictions.Folder
	photos   photos
	drawn    float64 // least score of instances in pictures
	manifest *predictions.Manifest
	spool    *predictions.Spool

	mu     sync.Mutex
	done   map[int]data.ImageInfo
	broken map[int]error
}

// newOutput removes what an earlier run of predict wrote into the folder; other files
// are an error.
func newOutput(folder predictions.Folder, list photos, drawn float64) (*output, error) {
	o := &output{folder: folder, photos: list, drawn: drawn, done: map[int]data.ImageInfo{}, broken: map[int]error{}}
	var err error
	own := append([]string{overlaysDir, failedJSON, predictions.ImagesJSON}, predictions.Names...)
	if o.manifest, err = predictions.NewManifest(folder.Dir, manifest, own...); err != nil {
		return nil, err
	}
	if err := folder.Make(); err != nil {
		return nil, errors.Join(err, o.manifest.Close())
	}
	if o.spool, err = predictions.NewSpool(folder.Dir); err != nil {
		return nil, errors.Join(err, o.manifest.Close())
	}
	if err := o.manifest.Add(o.spool.Name()); err != nil {
		return nil, errors.Join(err, o.spool.Close(), o.manifest.Close())
	}
	return o, nil
}

// take writes an image's prediction and picture. Detections without a pixel are
// dropped.
func (o *output) take(r inference.Result) error {
	info := o.photos.info(r.Index)
	info.W, info.H = r.Sample.Image.W, r.Sample.Image.H
	r.Instances = postprocess.Visible(r.Instances)
	files := []string{filepath.Join(overlaysDir, filepath.FromSlash(pictureName(info.Name)))}
	if png := o.folder.File(info.Name); png != "" {
		files = append(files, png)
	}
	for _, file := range files {
		if err := o.manifest.Add(file); err != nil {
			return err
		}
	}
	entry, err := o.folder.Write(info, r.Segmentation)
	if err == nil {
		err = o.spool.Add(r.Index, entry)
	}
	if err == nil {
		err = writePicture(filepath.Join(o.folder.Dir, files[0]), r, o.folder.Classes, o.drawn)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", info.Name, err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.done[r.Index] = info
	return nil
}

// failed notes an image that could not be read; the run continues without it.
func (o *output) failed(i int, err error) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.broken[i] = err
	fmt.Fprintf(os.Stderr, "predict: skipped: %v\n", err)
	return nil
}

// count is the number of images that are done or skipped.
func (o *output) count() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.done) + len(o.broken)
}

// finish writes the lists of all finished images, in order, even if the run ended
// early.
func (o *output) finish() error {
	indices := slices.Sorted(maps.Keys(o.done))
	infos := make([]data.ImageInfo, len(indices))
	for k, i := range indices {
		infos[k] = o.done[i]
	}
	lists := []string{predictions.ImagesJSON, failedJSON}
	if list := o.folder.List(); list != "" {
		lists = append(lists, list)
	}
	for _, name := range lists {
		if err := o.manifest.Add(name); err != nil {
			return err
		}
	}
	return errors.Join(
		o.folder.Finish(infos, func(k int) (json.RawMessage, error) { return o.spool.Entry(indices[k]) }),
		o.folder.WriteImages(infos), o.writeFailed(), o.spool.Close(), o.manifest.Close())
}

// writeFailed lists the images that could not be read, if any.
func (o *output) writeFailed() error {
	if len(o.broken) == 0 {
		return nil
	}
	type failure struct {
		File  string `json:"file"`
		Error string `json:"error"`
	}
	var list []failure
	for _, i := range slices.Sorted(maps.Keys(o.broken)) {
		list = append(list, failure{o.photos[i].path, o.broken[i].Error()})
	}
	text, err := json.MarshalIndent(list, "", " ")
	if err == nil {
		err = atomicfile.WriteBytes(filepath.Join(o.folder.Dir, failedJSON), append(text, '\n'))
	}
	if err != nil {
		return fmt.Errorf("list of failed images: %w", err)
	}
	return nil
}

// verdict is how the run ended: with all images, or with which error.
func (o *output) verdict(ctx context.Context, ran error) error {
	switch all := len(o.photos); {
	case ran != nil && ctx.Err() != nil:
		return fmt.Errorf("stopped after %d of %d images, which are in %s: %w", len(o.done), all, o.folder.Dir, ran)
	case ran != nil:
		return fmt.Errorf("failed after %d of %d images, which are in %s: %w", len(o.done), all, o.folder.Dir, ran)
	case len(o.broken) > 0:
		return fmt.Errorf("%d of %d images could not be read: %s lists them", len(o.broken), all, filepath.Join(o.folder.Dir, failedJSON))
	}
	return nil
}
