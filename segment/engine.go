package segment

import (
	"fmt"
	"strings"

	"eomt/internal/ort"
)

// The names of engines.
const (
	EngineGraph = "graph" // the network as a compiled graph
	EngineORT   = "ort"   // the network as an ONNX file, in ONNX Runtime
)

// EngineUsage describes an -engine flag.
const EngineUsage = "`engine` that computes: graph, or ort, the exported network in ONNX Runtime, which 'make setup ORT=cpu' fetches; ort:openvino, ort:cuda and ort:tensorrt choose its provider"

// Engine is what computes.
type Engine struct {
	Name     string       // EngineGraph or EngineORT
	Provider ort.Provider // of ONNX Runtime
}

// ParseEngine reads "graph", "ort" or "ort:PROVIDER"; empty is graph.
func ParseEngine(text string) (Engine, error) {
	name, provider, given := strings.Cut(text, ":")
	switch {
	case text == "" || text == EngineGraph:
		return Engine{Name: EngineGraph}, nil
	case name == EngineORT && (!given || provider != ""):
		p, err := ort.ParseProvider(provider)
		return Engine{EngineORT, p}, err
	}
	return Engine{}, fmt.Errorf("engine %s: want graph, ort or ort:PROVIDER", text)
}
