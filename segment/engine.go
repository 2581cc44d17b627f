package segment

import (
	"fmt"
	"strings"

	"eomt/internal/backend"
	"eomt/internal/ort"
)

// The names of engines.
const (
	EngineGraph = "graph" // the network as a compiled graph
	EngineORT   = "ort"   // the network as an ONNX file, in ONNX Runtime
)

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

// ParseDevices checks a choice of devices: all, a number, or a list such as "[0, 2]".
func ParseDevices(text string) error {
	_, _, err := backend.ParseDevices(text)
	return err
}

// checkDevices reports a choice of devices that the engine cannot have.
func (e Engine) checkDevices(text string) error {
	count, list, err := backend.ParseDevices(text)
	if err == nil && e.Name == EngineORT && backend.LeastDevices(count, list) > 1 {
		return fmt.Errorf("devices %s: the engine ort computes on the first alone", text)
	}
	return err
}
