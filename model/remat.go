package model

import (
	"maps"
	"slices"
	"strings"

	. "github.com/gomlx/gomlx/core/graph"

	"eomt/arch"
)

// remat is f(x), a part of the network whose parameters' names begin with prefix, those
// of low-rank factors after their own. With [RematBlocks] the backward pass keeps x only
// and computes f again, once the gradient of its result is there, so that one such
// part's values are in memory at a time.
func (n *net) remat(prefix string, x *Node, f func(n *net, x *Node) *Node) *Node {
	if n.rematerialise != RematBlocks {
		return f(n, x)
	}
	var names []string
	for _, name := range slices.Sorted(maps.Keys(n.params)) {
		if strings.HasPrefix(strings.TrimPrefix(name, arch.LoRAPrefix), prefix) {
			names = append(names, name)
		}
	}
	inputs := []*Node{x}
	for _, name := range names {
		inputs = append(inputs, n.params[name])
	}
	return recompute(func(in []*Node) *Node {
		part := *n
		part.params = maps.Clone(n.params)
		for i, name := range names {
			part.params[name] = in[1+i]
		}
		return f(&part, in[0])
	}, inputs...)
}
