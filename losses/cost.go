package losses

import (
	"math"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
)

// CostMatrix returns the cost of giving query q to target m, [B, M, Q] in the
// logits' dtype: the weighted sum of binary cross-entropy (mean over the points),
// dice, and the negative probability of the target's class. Masks and targets are
// sampled at pointsBP2, which all pairs of an image share. NaN and infinities become
// the dtype's largest finite value, as in the reference; so do the costs of a target
// whose class is out of range. Rows of padding hold meaningless costs, those of an
// empty target. No gradient flows.
//
// Source: EomtHungarianMatcher of Hugging Face transformers.
func CostMatrix(c Config, masks Masks, classLogitsBQC *Node, t Targets, pointsBP2 *Node) *Node {
	classLogitsBQC = StopGradient(classLogitsBQC)
	points := float64(pointsBP2.Shape().Dim(1))
	logitsBPQ := masks.fixed().at(pointsBP2)
	labelsBPM := unfused(SamplePlanes(t.PlanesBHWW, pointsBP2, t.ValidBM.Shape().Dim(1)), pointsBP2)

	// bce(x, 1) t + bce(x, 0) (1-t) = softplus(x) - x t.
	overlap := func(x *Node) *Node { return Einsum("bpm,bpq->bmq", labelsBPM, x) }
	sums := func(x *Node, axis int) *Node { return InsertAxes(ReduceSum(x, 1), axis) }
	bce := DivScalar(Sub(sums(softplus(logitsBPQ), 1), overlap(logitsBPQ)), points)

	probsBPQ := Sigmoid(logitsBPQ)
	numerator := OnePlus(MulScalar(overlap(probsBPQ), 2))
	denominator := OnePlus(Add(sums(probsBPQ, 1), sums(labelsBPM, -1)))
	dice := OneMinus(Div(numerator, denominator))

	cost := Add(MulScalar(bce, c.Mask), MulScalar(dice, c.Dice))
	cost = Sub(cost, MulScalar(classProbs(classLogitsBQC, t.ClassesBM), c.Class))
	return StopGradient(Where(IsFinite(cost), cost, Scalar(cost.Graph(), cost.DType(), largest(cost.DType()))))
}

// largest is the largest finite value of float32 or float64.
func largest(dtype dtypes.DType) float64 {
	if dtype == dtypes.Float64 {
		return math.MaxFloat64
	}
	return math.MaxFloat32
}

// classProbs returns the softmax probability of target m's class for query q, [B, M, Q].
func classProbs(logitsBQC, classesBM *Node) *Node {
	g := logitsBQC.Graph()
	batch, queries, classes := logitsBQC.Shape().Dim(0), logitsBQC.Shape().Dim(1), logitsBQC.Shape().Dim(2)
	targets := classesBM.Shape().Dim(1)
	probsBCQ := Transpose(Softmax(logitsBQC), 1, 2)
	inside := And(GreaterOrEqual(classesBM, Const(g, int32(0))), LessThan(classesBM, Const(g, int32(classes-1))))
	index := Where(inside, classesBM, ZerosLike(classesBM))
	index = Add(index, MulScalar(Iota(g, shapes.Make(dtypes.Int32, batch, targets), 0), classes))
	probs := Gather(Reshape(probsBCQ, batch*classes, queries), InsertAxes(index, -1))
	return Where(inside, probs, Infinity(g, probs.DType(), -1))
}

// softplus is log(1 + exp(x)), whose gradient is sigmoid(x) everywhere. (Log1P
// would keep digits below 1's last bit, which the sums here lose anyway, at four
// times the cost.)
func softplus(x *Node) *Node {
	return Add(MaxScalar(x, 0), Log(OnePlus(Exp(Neg(Abs(x))))))
}
