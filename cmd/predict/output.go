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
	"eomt/data/images"
	"eomt/eval/inference"
	"eomt/eval/postprocess"
	"eomt/eval/predictions"
	"eomt/eval/shards"
)

// The names of predict's other outputs.
const (
	overlaysDir = "overlays"
	manifest    = "predict.files"
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

// newManifest removes what an earlier run of predict wrote into the folder; other files are
// an error.
func newManifest(dir string) (*predictions.Manifest, error) {
	own := append([]string{overlaysDir, predictions.FailedJSON, predictions.ImagesJSON, shards.ManifestName}, predictions.Names...)
	return predictions.NewManifest(dir, manifest, own...)
}

// newOutput removes what an earlier run of predict wrote into the folder; other files
// are an error.
func newOutput(folder predictions.Folder, list photos, drawn float64) (*output, error) {
	o := &output{folder: folder, photos: list, drawn: drawn, done: map[int]data.ImageInfo{}, broken: map[int]error{}}
	var err error
	if o.manifest, err = newManifest(folder.Dir); err != nil {
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

// filesOf are the files of an image, relative to the folder: its picture, and its map if
// the task has one.
func filesOf(folder predictions.Folder, image string) []string {
	files := []string{filepath.Join(overlaysDir, filepath.FromSlash(pictureName(image)))}
	if png := folder.File(image); png != "" {
		files = append(files, png)
	}
	return files
}

// writeImage writes an image's prediction and picture and returns its entry in the list
// of results. Detections without a pixel are dropped.
func writeImage(folder predictions.Folder, info data.ImageInfo, r inference.Result, drawn float64) (json.RawMessage, error) {
	r.Instances = postprocess.Visible(r.Instances)
	entry, err := folder.Write(info, r.Segmentation)
	if err == nil {
		err = writePicture(filepath.Join(folder.Dir, filesOf(folder, info.Name)[0]), r, folder.Classes, drawn)
	}
	return entry, err
}

// take writes an image's files.
func (o *output) take(r inference.Result) error {
	info := o.photos.of(r)
	files := filesOf(o.folder, info.Name)
	for _, file := range files {
		if err := o.manifest.Add(file); err != nil {
			return err
		}
	}
	entry, err := writeImage(o.folder, info, r, o.drawn)
	if err == nil {
		err = o.spool.Add(r.Index, entry)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", info.Name, err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.done[r.Index] = info
	return nil
}

// failed notes an image that could not be read; the run continues without it. It ends
// where its source cannot be reached.
func (o *output) failed(i int, err error) error {
	if ofSource(err) {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.broken[i] = err
	fmt.Fprintf(os.Stderr, "predict: skipped: %v\n", err)
	return nil
}

// ofSource reports an error that says nothing about the image: its source cannot be
// reached, or the run was interrupted.
func ofSource(err error) bool {
	return errors.Is(err, images.ErrUnavailable) || errors.Is(err, context.Canceled)
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
	if err := addLists(o.manifest, o.folder); err != nil {
		return err
	}
	return errors.Join(
		o.folder.Finish(infos, func(k int) (json.RawMessage, error) { return o.spool.Entry(indices[k]) }),
		o.folder.WriteImages(infos), o.folder.WriteFailed(o.failures()), o.spool.Close(), o.manifest.Close())
}

// addLists lists the JSON files of all images.
func addLists(m *predictions.Manifest, folder predictions.Folder) error {
	lists := []string{predictions.ImagesJSON, predictions.FailedJSON}
	if list := folder.List(); list != "" {
		lists = append(lists, list)
	}
	for _, name := range lists {
		if err := m.Add(name); err != nil {
			return err
		}
	}
	return nil
}

// failures lists the images that could not be read.
func (o *output) failures() []predictions.Failure {
	var list []predictions.Failure
	for _, i := range slices.Sorted(maps.Keys(o.broken)) {
		list = append(list, predictions.Failure{File: o.photos[i].Path, Error: o.broken[i].Error()})
	}
	return list
}

// verdict is how the run ended: with all images, or with which error.
func (o *output) verdict(ctx context.Context, ran error) error {
	switch all := len(o.photos); {
	case ran != nil && ctx.Err() != nil:
		return fmt.Errorf("stopped after %d of %d images, which are in %s: %w", len(o.done), all, o.folder.Dir, ran)
	case ran != nil:
		return fmt.Errorf("failed after %d of %d images, which are in %s: %w", len(o.done), all, o.folder.Dir, ran)
	case len(o.broken) > 0:
		return fmt.Errorf("%d of %d images could not be read: %s lists them", len(o.broken), all, filepath.Join(o.folder.Dir, predictions.FailedJSON))
	}
	return nil
}
