package losses

import (
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
)

// MaskLoss compares the sampled logits of matched mask pairs with their labels,
// both [N, P]; pairs for which matchedN (bool [N]) is false do not count. It returns two
// unweighted scalars: binary cross-entropy (mean over a pair's points) and dice
// loss 1 - (2 sum(p t) + 1) / (sum(p) + sum(t) + 1), each summed over pairs and
// divided by masks, a scalar. Gradients flow into the logits.
//
// Source: sigmoid_cross_entropy_loss and dice_loss of Hugging Face transformers.
func MaskLoss(logitsNP, labelsNP, matchedN, masks *Node) (bce, dice *Node) {
	logitsNP = Where(matchedN, logitsNP, ZerosLike(logitsNP)) // keeps NaN of other pairs out
	perPoint := Sub(softplus(logitsNP), Mul(logitsNP, labelsNP))
	probs := Sigmoid(logitsNP)
	numerator := OnePlus(MulScalar(ReduceSum(Mul(probs, labelsNP), 1), 2))
	denominator := OnePlus(Add(ReduceSum(probs, 1), ReduceSum(labelsNP, 1)))
	perPair := OneMinus(Div(numerator, denominator))
	total := func(x *Node) *Node { return Div(ReduceAllSum(Where(matchedN, x, ZerosLike(x))), masks) }
	return total(ReduceMean(perPoint, 1)), total(perPair)
}

// ClassLoss is the cross-entropy of classLogitsBQC [B, Q, C+1] over all queries: the
// target is the matched target's class, no-object (the last) elsewhere, with weight
// noObject; the sum is divided by the sum of weights. queryBM (int32 [B, M]) is the
// query of each target, -1 for none, as matcher.Assign returns it. It returns an
// unweighted scalar. Gradients flow into the logits.
//
// Source: loss_labels of Hugging Face transformers' EomtLoss.
func ClassLoss(classLogitsBQC, classesBM, queryBM *Node, noObject float64) *Node {
	return classLoss(classLogitsBQC, classesBM, queryBM, noObject, nil)
}

// classLoss is [ClassLoss] divided by weights, a scalar, unless that is nil.
func classLoss(classLogitsBQC, classesBM, queryBM *Node, noObject float64, weights *Node) *Node {
	g, dtype := classLogitsBQC.Graph(), classLogitsBQC.DType()
	dims := classLogitsBQC.Shape().Dimensions
	batch, queries, last := dims[0], dims[1], dims[2]-1
	targets := queryBM.Shape().Dim(1)

	query := Iota(g, shapes.Make(dtypes.Int32, batch, targets, queries), 2)
	pair := Equal(query, BroadcastToDims(InsertAxes(queryBM, -1), batch, targets, queries))
	class := BroadcastToDims(InsertAxes(classesBM, -1), batch, targets, queries)
	classBQ := ReduceMax(Where(pair, class, Const(g, int32(-1))), 1)
	empty := LessThan(classBQ, Const(g, int32(0)))
	classBQ = Where(empty, Const(g, int32(last)), classBQ)

	weight := Where(empty, Scalar(g, dtype, noObject), ScalarOne(g, dtype))
	at := Equal(Iota(g, shapes.Make(dtypes.Int32, dims...), 2), BroadcastToDims(InsertAxes(classBQ, -1), dims...))
	logProb := ReduceSum(Where(at, LogSoftmax(classLogitsBQC), ScalarZero(g, dtype)), 2)
	if weights == nil {
		weights = ReduceAllSum(weight)
	}
	return Neg(Div(ReduceAllSum(Mul(weight, logProb)), weights))
}
