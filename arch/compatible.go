package arch

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ErrBackboneOnly is wrapped where weights of a backbone are given for a whole
// network.
var ErrBackboneOnly = errors.New("the weights are of a backbone alone, without queries and heads")

// IncompatibleError reports weights trained as another network than the one to run.
// Mine of a difference is the network's value, Theirs the weights'.
type IncompatibleError struct {
	Differences []Difference
	queries     string // prefix of the network's queries
}

func (e *IncompatibleError) Error() string {
	parts := make([]string, len(e.Differences))
	for i, d := range e.Differences {
		parts[i] = fmt.Sprintf("%s is %s in the weights and %s in the network (%s)", d.Field, d.Theirs, d.Mine, e.remedy(d))
	}
	return "the weights are of another network: " + strings.Join(parts, "; ")
}

// remedy states what a user can do about a difference.
func (e *IncompatibleError) remedy(d Difference) string {
	key := map[string]string{"network": "network", "kind": "backbone", "heads": "heads", "mask_blocks": "query_blocks",
		"registers": "registers", "norm_eps": "norm_eps", "rope_theta": "rope_theta", "decoder_heads": "decoder_heads"}[d.Field]
	switch {
	case d.Field == "classes":
		return "take the data set they were trained on, or new_parameters: [class_head.] to train other classes"
	case d.Field == "queries":
		return fmt.Sprintf("set model.queries=%s, or new_parameters: [%s] to train other queries", d.Theirs, e.queries)
	case d.Field == "lora":
		return "set train.lora as it was; a new run that starts from these weights has them merged"
	case d.Field == "head_silu":
		return "no setting computes the other activation in mask head and ScaleBlocks"
	case key != "":
		return fmt.Sprintf("set model.%s=%s", key, d.Theirs)
	}
	return "choose the size they were trained in"
}

// Compatible fails if a network of architecture a would not compute what
// weights of architecture w were trained as; the error is an [IncompatibleError]
// with every difference, or wraps [ErrBackboneOnly]. fresh says which parameters
// start from scratch instead of from the weights; nil is none. The grid, and the
// patch of a backbone alone, may differ: embeddings are resized. Heads that the
// weights do not state, 0, are not compared.
func (a Architecture) Compatible(w Architecture, fresh func(name string) bool) error {
	if fresh == nil {
		fresh = func(string) bool { return false }
	}
	if w.BackboneOnly() && !a.BackboneOnly() && !slices.ContainsFunc(a.HeadNames(), fresh) {
		return ErrBackboneOnly
	}
	var list []Difference
	for _, d := range a.Differences(w) {
		if !a.mayDiffer(d.Field, w, fresh) {
			list = append(list, d)
		}
	}
	if list != nil {
		return &IncompatibleError{list, a.queryPrefix()}
	}
	return nil
}

// mayDiffer reports whether weights of w run in a although a field differs.
func (a Architecture) mayDiffer(field string, w Architecture, fresh func(name string) bool) bool {
	heads := w.BackboneOnly() || a.BackboneOnly()
	switch field {
	case "grid":
		return true
	case "heads":
		return w.Heads == 0
	case "queries", "mask_blocks":
		return heads || fresh(a.QueryName())
	case "lora":
		return w.LoRA == LoRA{} && fresh(LoRAPrefix)
	case "classes":
		return heads || fresh(ClassWeight)
	case "network", "patch", "upscales", "head_silu", "decoder_width", "decoder_heads", "decoder_layers", "decoder_hidden",
		"encoder_layers", "encoder_hidden":
		return heads || !slices.ContainsFunc(a.HeadNames(), func(name string) bool { return !fresh(name) })
	}
	return false
}
