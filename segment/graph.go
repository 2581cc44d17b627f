package segment

import (
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"math"
	"strings"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/tensors"

	"eomt/checkpoints/tensor"
	"eomt/checkpoints/weights"
	"eomt/eval/postprocess"
	"eomt/internal/backend"
	"eomt/model"
)

// graph is the engine that runs the network as a compiled graph on one device.
type graph struct {
	predictor *model.Predictor
	params    []*tensors.Tensor
	programs  *model.Predictor // of all devices, which the first one's engine frees; otherwise nil
}

// newGraphs loads the weights for s.Architecture on each device and sets s.Backend and
// s.Checksum.
func newGraphs(stored *weights.Model, s *Segmenter, o Options) ([]engine, error) {
	network, err := model.New(s.Architecture)
	if err != nil {
		return nil, err
	}
	fitted, _, err := stored.Fit(s.Architecture, nil)
	if err != nil {
		return nil, err
	}
	sum := sha256.New()
	params, err := model.Load(s.Architecture.Tensors(), func(i int, dst []float32) error {
		err := fitted[i].ReadFloat32s(dst)
		if o.Checksum && err == nil {
			addFloats(sum, dst)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	probs := make([]float64, len(stored.MaskProbs))
	for i, p := range stored.MaskProbs {
		probs[i] = float64(p)
	}
	if o.Checksum {
		fmt.Fprint(sum, probs)
		s.Checksum = fmt.Sprintf("%x", sum.Sum(nil))
	}
	var notes strings.Builder
	b, devices, err := startDevices(o, &notes)
	if err != nil {
		return nil, err
	}
	s.Backend = strings.TrimSpace(notes.String())
	precision := dtypes.Float32
	if s.Precision == "bf16" {
		precision = dtypes.BFloat16
	}
	programs, err := model.NewPredictor(b, network, params, probs, precision)
	if err != nil {
		return nil, err
	}
	engines := []engine{&graph{programs.On(devices[0], params), params, programs}}
	for _, device := range devices[1:] {
		copies := make([]*tensors.Tensor, len(params))
		for i, p := range params {
			if copies[i], err = p.OnDeviceClone(b, device); err != nil {
				return nil, fmt.Errorf("copy the weights to device %d: %w", device, err)
			}
		}
		engines = append(engines, &graph{programs.On(device, copies), copies, nil})
	}
	return engines, nil
}

// startDevices opens the backend and chooses its devices.
func startDevices(o Options, notes io.Writer) (compute.Backend, []compute.DeviceNum, error) {
	count, list, err := backend.ParseDevices(o.Devices)
	if err != nil {
		return nil, nil, err
	}
	least := backend.LeastDevices(count, list)
	b, choice, err := backend.StartDevices(o.Backend, least, notes)
	if err != nil {
		return nil, nil, err
	}
	there := b.NumDevices()
	switch {
	case least > there:
		return nil, nil, fmt.Errorf("devices %s: backend %s has %d", o.Devices, choice.Name, there)
	case list != nil:
	case count > 0:
		list = backend.FirstDevices(count)
	case o.Devices == "" || choice.OnProcessor():
		list = backend.FirstDevices(1)
	default:
		list = backend.FirstDevices(there)
	}
	if len(list) > 1 {
		fmt.Fprintf(notes, "%d of %d devices share out the images\n", len(list), there)
	}
	return b, list, nil
}

// tensorsChecksum is the checksum of weights' values and mask probabilities.
func tensorsChecksum(list []tensor.Tensor, probs []float32) (string, error) {
	sum := sha256.New()
	for _, t := range list {
		values, err := t.Float32s()
		if err != nil {
			return "", err
		}
		addFloats(sum, values)
	}
	fmt.Fprint(sum, probs)
	return fmt.Sprintf("%x", sum.Sum(nil)), nil
}

// addFloats adds values in little-endian order.
func addFloats(sum hash.Hash, values []float32) {
	raw := make([]byte, 0, 1<<16)
	for len(values) > 0 {
		n := min(len(values), cap(raw)/4)
		raw = raw[:0]
		for _, v := range values[:n] {
			bits := math.Float32bits(v)
			raw = append(raw, byte(bits), byte(bits>>8), byte(bits>>16), byte(bits>>24))
		}
		sum.Write(raw)
		values = values[n:]
	}
}

func (g *graph) Predict(images []uint8, b int) (postprocess.Logits, error) {
	l, err := g.predictor.Predict(images, b)
	return postprocess.Logits(l), err
}

func (g *graph) PredictPixels(pixels []float32, b int) (postprocess.Logits, error) {
	l, err := g.predictor.PredictPixels(pixels, b)
	return postprocess.Logits(l), err
}

// Close frees the parameters and, as the last of all devices, the compiled programs.
func (g *graph) Close() {
	if g.programs != nil {
		g.programs.Close()
	}
	for _, p := range g.params {
		p.MustFinalizeAll()
	}
}
