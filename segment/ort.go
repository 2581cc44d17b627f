package segment

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"eomt/arch"
	"eomt/checkpoints/weights"
	"eomt/eval/postprocess"
	"eomt/export/onnx"
	"eomt/internal/ort"
)

// onnxSession is the engine that runs an exported file in ONNX Runtime.
type onnxSession struct {
	arch.Architecture
	session *ort.Session
	uint8   bool // the file's input: bytes, or normalised numbers
}

// IsONNX reports whether path names an ONNX file.
func IsONNX(path string) bool { return strings.HasSuffix(path, ".onnx") }

// openONNX opens a file that this project wrote.
func openONNX(path string, e Engine, o Options) (*Segmenter, error) {
	if e.Name != EngineORT {
		return nil, errors.New("an ONNX file needs the engine ort (-engine ort)")
	}
	if _, err := os.Stat(path); err != nil {
		return nil, err
	}
	session, err := openSession(path, e.Provider)
	if err != nil {
		return nil, err
	}
	s := &Segmenter{}
	if err := s.describeONNX(path, session, o); err != nil {
		return nil, errors.Join(err, session.session.Close())
	}
	s.devices = newDevices(session)
	return s, nil
}

// openSession opens a file of package onnx, whose metadata say what it is for.
func openSession(path string, p ort.Provider) (*onnxSession, error) {
	session, err := ort.Open(path, p, onnx.PixelValues, []string{onnx.ClassLogits, onnx.MaskLogits})
	if err != nil {
		return nil, err
	}
	m, err := onnx.ParseMetadata(session.Metadata)
	if err != nil {
		return nil, errors.Join(err, session.Close())
	}
	return &onnxSession{m.Architecture, session, m.Input == onnx.Uint8}, nil
}

// describeONNX takes the description from the file's metadata, as from weights. The
// file's network cannot change.
func (s *Segmenter) describeONNX(path string, session *onnxSession, o Options) error {
	m, err := onnx.ParseMetadata(session.session.Metadata)
	if err != nil {
		return err
	}
	stated := &weights.Model{Path: path, Architecture: m.Architecture, MaskProbs: m.MaskProbs, Task: m.Task, Thresholds: &m.Thresholds}
	if m.Classes != nil {
		stated.SetClasses(m.Classes)
	}
	if s.Description, err = Describe(stated, o); err != nil {
		return err
	}
	if a := s.Architecture; a.Grid != m.Architecture.Grid {
		return fmt.Errorf("the file is for images of %d x %d pixels, wanted are %d x %d: export the weights for that size",
			m.Architecture.ImageW(), m.Architecture.ImageH(), a.ImageW(), a.ImageH())
	}
	if err := s.Architecture.Compatible(m.Architecture, nil); err != nil {
		return err
	}
	s.Backend, s.Precision = session.session.Device, m.Precision
	if o.Checksum {
		s.Checksum, err = fileChecksum(path)
	}
	return err
}

// fileChecksum is of an ONNX file and the one with its initialisers, if any.
func fileChecksum(path string) (string, error) {
	sum := sha256.New()
	for _, name := range []string{path, path + onnx.DataSuffix} {
		file, err := os.Open(name)
		if errors.Is(err, fs.ErrNotExist) && name != path {
			continue
		}
		if err != nil {
			return "", err
		}
		_, err = io.Copy(sum, file)
		if err := errors.Join(err, file.Close()); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("%x", sum.Sum(nil)), nil
}

// newORT exports the weights for s.Architecture to a temporary file, opens it and sets
// s.Backend and s.Checksum. The file is removed once ONNX Runtime has read or mapped it:
// a training run's checkpoints would otherwise pile up.
func newORT(stored *weights.Model, s *Segmenter, p ort.Provider, o Options) (_ engine, err error) {
	if _, err := ort.Library(p); err != nil { // before gigabytes are written
		return nil, err
	}
	n, err := exported(stored, s.Description)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "eomt-onnx-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	options := onnx.Options{Input: onnx.Uint8}
	if p == ort.CPU || p == ort.CUDA {
		options.For = onnx.OnnxRuntime
	}
	path := filepath.Join(dir, "model.onnx")
	if err := onnx.Write(path, n, options); err != nil {
		return nil, err
	}
	session, err := openSession(path, p)
	if err != nil {
		return nil, err
	}
	s.Backend, s.Precision = session.session.Device+", float32", onnx.F32
	if o.Checksum {
		if s.Checksum, err = tensorsChecksum(n.Tensors, stored.MaskProbs); err != nil {
			return nil, errors.Join(err, session.session.Close())
		}
		s.Checksum += " " + EngineORT
	}
	return session, nil
}

// exported is what package onnx writes d's network from.
func exported(stored *weights.Model, d Description) (onnx.Network, error) {
	fitted, _, err := stored.Fit(d.Architecture, nil)
	if err != nil {
		return onnx.Network{}, err
	}
	n := onnx.Network{Architecture: d.Architecture, Tensors: fitted, MaskProbs: stored.MaskProbs,
		Task: string(d.Task), Classes: d.Classes}
	n.Thresholds.Score, n.Thresholds.Overlap, n.Thresholds.TopK = d.Score, d.Overlap, d.TopK
	return n, nil
}

// Export writes weights as an ONNX file, described as [Open] would. commit is that of
// this program.
func Export(stored *weights.Model, d Description, path, commit string, o onnx.Options) error {
	n, err := exported(stored, d)
	if err != nil {
		return err
	}
	n.Commit = commit
	return onnx.Write(path, n, o)
}

// ImageNet's statistics of pixels in [0, 1].
var pixelMean, pixelStd = [3]float32{.485, .456, .406}, [3]float32{.229, .224, .225}

// Predict implements engine.
func (e *onnxSession) Predict(images []uint8, b int) (postprocess.Logits, error) {
	h, w := e.ImageH(), e.ImageW()
	if len(images) != b*h*w*3 {
		return postprocess.Logits{}, fmt.Errorf("ort: %d bytes for %d images of %d x %d", len(images), b, w, h)
	}
	if e.uint8 {
		return runSession(e, planes(images, h*w, func(v uint8, _ int) uint8 { return v }), b)
	}
	normalise := func(v uint8, c int) float32 { return (float32(v)/255 - pixelMean[c]) / pixelStd[c] }
	return runSession(e, planes(images, h*w, normalise), b)
}

// PredictPixels implements pixelEngine where the file's input is float.
func (e *onnxSession) PredictPixels(pixels []float32, b int) (postprocess.Logits, error) {
	if e.uint8 || len(pixels) != b*3*e.ImageH()*e.ImageW() {
		return postprocess.Logits{}, fmt.Errorf("ort: %d values for %d images of %d x %d (a file with uint8 input takes none)", len(pixels), b, e.ImageW(), e.ImageH())
	}
	return runSession(e, pixels, b)
}

// runSession runs a file on its own type of input, [b, 3, H, W].
func runSession[T float32 | uint8](e *onnxSession, input []T, b int) (postprocess.Logits, error) {
	l := postprocess.Logits{B: b, MaskH: e.MaskH(), MaskW: e.MaskW(), Queries: e.Queries, Classes: e.Classes}
	err := ort.Run(e.session, input, []int{b, 3, e.ImageH(), e.ImageW()}, func(outputs [][]float32) error {
		classes, masks := outputs[0], outputs[1]
		if len(classes) != b*l.Queries*(l.Classes+1) || len(masks) != b*l.Queries*l.MaskH*l.MaskW {
			return fmt.Errorf("ort: %d class and %d mask logits for %d images: the file's metadata are of another network", len(classes), len(masks), b)
		}
		l.Class = append([]float32(nil), classes...)
		l.Masks = queriesLast(masks, b, l.Queries, l.MaskH*l.MaskW)
		return nil
	})
	return l, err
}

// planes turns images [b, hw, 3] into [b, 3, hw], each value by f.
func planes[T float32 | uint8](images []uint8, hw int, f func(v uint8, c int) T) []T {
	out := make([]T, len(images))
	for i := range len(images) / (3 * hw) {
		image, to := images[3*i*hw:3*(i+1)*hw], out[3*i*hw:3*(i+1)*hw]
		for c := range 3 {
			plane := to[c*hw : (c+1)*hw]
			for at := range plane {
				plane[at] = f(image[3*at+c], c)
			}
		}
	}
	return out
}

// queriesLast turns masks [b, q, hw] into [b, hw, q], in tiles that stay in the cache.
func queriesLast(masks []float32, b, q, hw int) []float32 {
	const tile = 64
	out := make([]float32, len(masks))
	for i := range b {
		from, to := masks[i*q*hw:], out[i*q*hw:]
		for first := 0; first < hw; first += tile {
			last := min(first+tile, hw)
			for k := range q {
				for at, v := range from[k*hw+first : k*hw+last] {
					to[(first+at)*q+k] = v
				}
			}
		}
	}
	return out
}

// Close implements engine.
func (e *onnxSession) Close() { _ = e.session.Close() }
