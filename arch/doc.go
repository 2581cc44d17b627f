// Package arch describes networks without an engine: what sizes a network has
// ([Architecture]), which parameters and running values follow from them
// ([Architecture.Parameters], [Architecture.Buffers]), whether weights fit a
// network ([Architecture.Compatible]) and how much it computes
// ([Architecture.MultiplyAdds]). The graph, checkpoints and configurations read
// it; it imports none of them.
//
// Names are those of the reference implementation's state dict without the
// prefixes "network.encoder." and "network."; layouts are torch's, so that a
// conversion is a renaming: Linear [out, in], convolution [out, in, kh, kw],
// transposed convolution [in, out, kh, kw].
//
// To add a network, add its name to architecture.go, its parameters in a file next to
// eomt.go, and a case to each switch on the name.
//
// Start reading at architecture.go, then parameters.go.
package arch
