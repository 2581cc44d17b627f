//go:build cgo

package ort

import (
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"sync"

	onnxruntime "github.com/yalue/onnxruntime_go"
)

// Session is an open file. It is not safe for concurrent use.
type Session struct {
	Device   string // what computes
	Metadata map[string]string
	session  *onnxruntime.DynamicAdvancedSession
	outputs  int
}

// Open opens a file whose input and outputs have the given names.
func Open(path string, p Provider, input string, outputs []string) (*Session, error) {
	library, err := Library(p)
	if err != nil {
		return nil, err
	}
	if err := start(library); err != nil {
		return nil, err
	}
	options, err := sessionOptions(p)
	if err != nil {
		return nil, fmt.Errorf("ort: provider %s: %w", p, err)
	}
	defer options.Destroy()
	session, err := onnxruntime.NewDynamicAdvancedSession(path, []string{input}, outputs, options)
	if err != nil {
		return nil, fmt.Errorf("ort: open %s: %w", path, err)
	}
	s := &Session{Device: fmt.Sprintf("ONNX Runtime %s, %s", version(library), p), session: session, outputs: len(outputs)}
	if s.Metadata, err = metadata(session); err != nil {
		return nil, errors.Join(fmt.Errorf("ort: metadata of %s: %w", path, err), session.Destroy())
	}
	return s, nil
}

// started is the library that this process has opened.
var started struct {
	sync.Mutex
	library string
}

// start opens the library once; a process cannot open two.
func start(library string) error {
	library, err := filepath.Abs(library)
	if err != nil {
		return fmt.Errorf("ort: %w", err)
	}
	started.Lock()
	defer started.Unlock()
	if started.library == library {
		return nil
	}
	if started.library != "" {
		return fmt.Errorf("ort: %s is open in this process, %s cannot be opened too", started.library, library)
	}
	onnxruntime.SetSharedLibraryPath(library)
	if err := onnxruntime.InitializeEnvironment(onnxruntime.WithLogLevelError()); err != nil {
		return fmt.Errorf("ort: open library %s: %w", library, err)
	}
	started.library = library
	return nil
}

// sessionOptions has as many threads as Go uses processors: ONNX Runtime alone would
// take all of the machine's.
func sessionOptions(p Provider) (*onnxruntime.SessionOptions, error) {
	options, err := onnxruntime.NewSessionOptions()
	if err != nil {
		return nil, err
	}
	err = options.SetIntraOpNumThreads(runtime.GOMAXPROCS(0))
	if err == nil {
		err = appendProvider(options, p)
	}
	if err != nil {
		return nil, errors.Join(err, options.Destroy())
	}
	return options, nil
}

func appendProvider(options *onnxruntime.SessionOptions, p Provider) error {
	if p == TensorRT {
		tensorRT, err := onnxruntime.NewTensorRTProviderOptions()
		if err != nil {
			return err
		}
		defer tensorRT.Destroy()
		if err := options.AppendExecutionProviderTensorRT(tensorRT); err != nil {
			return err
		}
	}
	switch p {
	case OpenVINO:
		return options.AppendExecutionProviderOpenVINO(map[string]string{"device_type": "CPU", "precision": "FP32"})
	case CUDA, TensorRT: // what TensorRT does not take runs on CUDA
		cuda, err := onnxruntime.NewCUDAProviderOptions()
		if err != nil {
			return err
		}
		defer cuda.Destroy()
		return options.AppendExecutionProviderCUDA(cuda)
	}
	return nil
}

// metadata reads a file's metadata_props.
func metadata(session *onnxruntime.DynamicAdvancedSession) (map[string]string, error) {
	m, err := session.GetModelMetadata()
	if err != nil {
		return nil, err
	}
	defer m.Destroy()
	keys, err := m.GetCustomMetadataMapKeys()
	if err != nil {
		return nil, err
	}
	props := map[string]string{}
	for _, key := range keys {
		value, _, err := m.LookupCustomMetadataMap(key)
		if err != nil {
			return nil, err
		}
		props[key] = value
	}
	return props, nil
}

// Run runs a file on input, [b, ...] in the file's own type, and passes its outputs,
// which are valid until use returns.
func Run[T float32 | uint8](s *Session, input []T, shape []int, use func(outputs [][]float32) error) error {
	dims := make(onnxruntime.Shape, len(shape))
	for i, d := range shape {
		dims[i] = int64(d)
	}
	in, err := onnxruntime.NewTensor(dims, input)
	if err != nil {
		return fmt.Errorf("ort: %w", err)
	}
	defer in.Destroy()
	values := make([]onnxruntime.Value, s.outputs)
	defer func() {
		for _, v := range values {
			if v != nil {
				v.Destroy()
			}
		}
	}()
	if err := s.session.Run([]onnxruntime.Value{in}, values); err != nil {
		return fmt.Errorf("ort: %w", err)
	}
	outputs := make([][]float32, len(values))
	for i, v := range values {
		t, ok := v.(*onnxruntime.Tensor[float32])
		if !ok {
			return fmt.Errorf("ort: output %d is no float32 tensor", i)
		}
		outputs[i] = t.GetData()
	}
	return use(outputs)
}

// Close frees the session.
func (s *Session) Close() error { return s.session.Destroy() }
