package losses

import (
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"

	"eomt/internal/backend"
)

// Masks are the mask logits of one prediction as two factors: the logit of a query at
// a pixel is the dot product of the pixel's features and the query's embedding.
// Predictions may share a feature map. The losses need the products at few points, for
// the cost, and of few queries, those matched; the map of all queries at all pixels is
// never made (docs/decisions/009-mask-logits-in-factors.md).
type Masks struct {
	FeaturesBhwD *Node // [B, h, w, D]
	EmbeddingBQD *Node // [B, Q, D], of the same dtype
}

// dtype is what the losses are computed in.
func (m Masks) dtype() dtypes.DType { return working(m.FeaturesBhwD.DType()) }

// queries is Q.
func (m Masks) queries() int { return m.EmbeddingBQD.Shape().Dim(1) }

// fixed are the same masks without a gradient.
func (m Masks) fixed() Masks {
	return Masks{FeaturesBhwD: StopGradient(m.FeaturesBhwD), EmbeddingBQD: StopGradient(m.EmbeddingBQD)}
}

// at returns the logits of all queries at pointsBP2, which they share, [B, P, Q].
// Sampling is linear: features are sampled, and then multiplied.
func (m Masks) at(pointsBP2 *Node) *Node {
	features := ConvertDType(SampleRows(m.FeaturesBhwD, pointsBP2), m.FeaturesBhwD.DType())
	return m.product(features, m.EmbeddingBQD)
}

// ofTargets returns the logits of each target's query, [B*M, h, w]; an arbitrary
// query's for a target without one.
func (m Masks) ofTargets(queryBM *Node) *Node {
	dims := m.FeaturesBhwD.Shape().Dimensions
	batch, h, w, d := dims[0], dims[1], dims[2], dims[3]
	targets, queries := queryBM.Shape().Dim(1), m.queries()
	index := Add(MaxScalar(queryBM, 0), MulScalar(Iota(queryBM.Graph(), queryBM.Shape(), 0), queries))
	embeddingBMD := Gather(Reshape(m.EmbeddingBQD, batch*queries, d), InsertAxes(index, -1))
	maps := m.product(embeddingBMD, Reshape(m.FeaturesBhwD, batch, h*w, d))
	return Reshape(maps, batch*targets, h, w)
}

// product multiplies factors x [B, X, D] and y [B, Y, D] in their own dtype to [B, X, Y]
// in that of losses.
func (m Masks) product(x, y *Node) *Node {
	if backend.WidensProducts(x.Graph().Backend()) {
		x, y = ConvertDType(x, m.dtype()), ConvertDType(y, m.dtype())
	}
	return Dot(x, y).WithOutputDType(m.dtype()).General([]int{2}, []int{0}, []int{2}, []int{0})
}

// working is the dtype in which the losses of logits of a dtype are computed.
func working(logits dtypes.DType) dtypes.DType {
	if logits == dtypes.Float64 {
		return logits
	}
	return dtypes.Float32
}
