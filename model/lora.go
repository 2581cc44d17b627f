package model

import (
	. "github.com/gomlx/gomlx/core/graph"

	"eomt/arch"
)

// adapted adds to y = W x what the factors of a linear map make of x, if it has some.
func (n *net) adapted(name string, x, y *Node) *Node {
	if delta := n.lowRank(name, x); delta != nil {
		return Add(y, delta)
	}
	return y
}

// adaptedQKV is [net.adapted] for x [..., D] and y [..., 3D], in which query, key and
// value have factors of their own.
func (n *net) adaptedQKV(name string, x, y *Node) *Node {
	var deltas []*Node
	found := false
	for _, part := range []string{".q", ".k", ".v"} {
		delta := n.lowRank(name+part, x)
		if found = found || delta != nil; delta == nil {
			delta = ZerosLike(x)
		}
		deltas = append(deltas, delta)
	}
	if !found {
		return y
	}
	return Add(y, Concatenate(deltas, -1))
}

// lowRank is alpha/rank B A x (see [arch.LoRA]), nil if the map of that name has no
// factors.
func (n *net) lowRank(name string, x *Node) *Node {
	name = arch.LoRAPrefix + name
	if _, ok := n.params[name+".a"]; !ok {
		return nil
	}
	return MulScalar(n.dot(n.dot(x, n.params.at(name+".a")), n.params.at(name+".b")), n.LoRA.Scale())
}
