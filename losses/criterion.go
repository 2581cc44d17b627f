package losses

import (
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/support/exceptions"

	"eomt/matcher"
)

// Points are where a prediction is compared with its targets: xy in [0, 1].
type Points struct {
	CostBP2       *Node // [B, P, 2]: for the cost, shared by all pairs of an image
	CandidatesBM2 *Node // [B, M, K, 2]: of which the most uncertain are kept
	FreshBM2      *Node // [B, M, P-k, 2]: added to them
}

// Terms holds unweighted scalars to log, one of each per prediction.
type Terms struct {
	Mask, Dice, Class []*Node // the losses
	Matched           *Node   // matched masks of one prediction, the same for all
	QueriesBM         []*Node // int32 [B, M]: the query of each target, -1 for none
}

// Criterion is the training loss over all predictions: each is matched with the
// targets separately (in one call of matcher.Assign), and its mask, dice and class
// losses are weighted and summed. masks and classLogitsBQC have one entry per
// prediction; logits narrower than 32 bits are converted to float32. Points are
// drawn from rngState (uint64 [3]), which must not be a state returned by the engine's
// generator on the Go backend: its third word is undefined, so the points would not
// be reproducible. Mask losses are divided by the number of matched masks in the
// batch, at least 1.
//
// It returns the scalar total and its terms. Gradients flow into features, matched
// embeddings and class logits, but not through points or the assignment.
//
// Source: arXiv 2503.19108 section 3; EomtLoss of Hugging Face transformers.
func Criterion(c Config, masks []Masks, classLogitsBQC []*Node, t Targets, rngState *Node) (*Node, Terms) {
	checkPredictions(c, masks, classLogitsBQC, t)
	batch, targets := t.ValidBM.Shape().Dim(0), t.ValidBM.Shape().Dim(1)
	points := DrawPoints(c, rngState, nil, Drawn{len(masks), batch, targets}, masks[0].dtype())
	return CriterionAt(c, masks, classLogitsBQC, t, points, Normalizers{})
}

// Normalizers are the divisors of a batch's losses, scalars of the logits' dtype.
// If the batch is a share of a larger one they are the larger batch's, so that
// losses and gradients of the shares add up to its own; both are known on the host
// before the step. A nil one is computed from the batch itself.
type Normalizers struct {
	Masks        *Node // matched masks, at least 1
	ClassWeights *Node // sum over all queries of the class loss's weights
}

// CriterionAt is [Criterion] with the given points, one entry per prediction, and
// normalizers.
func CriterionAt(c Config, masks []Masks, classLogitsBQC []*Node, t Targets, points []Points, by Normalizers) (*Node, Terms) {
	checkPredictions(c, masks, classLogitsBQC, t)
	if len(points) != len(masks) {
		exceptions.Panicf("losses.CriterionAt: points of %d predictions for %d", len(points), len(masks))
	}
	classes := make([]*Node, len(masks))
	for i, logits := range classLogitsBQC {
		classes[i] = ConvertDType(logits, working(logits.DType()))
	}
	batch, targets := t.ValidBM.Shape().Dim(0), t.ValidBM.Shape().Dim(1)
	var costs, valid []*Node
	for i := range points {
		costs = append(costs, CostMatrix(c, masks[i], classes[i], t, points[i].CostBP2))
		valid = append(valid, t.ValidBM)
	}
	queries := matcher.Assign(Concatenate(costs, 0), Concatenate(valid, 0))

	terms := Terms{Matched: MatchedMasks(t.ValidBM, masks[0].queries())}
	if by.Masks == nil {
		by.Masks = MaxScalar(ConvertDType(terms.Matched, masks[0].dtype()), 1)
	}
	var total *Node
	for i := range points {
		queryBM := Reshape(Slice(queries, AxisRange(i*batch, (i+1)*batch)), batch, targets)
		bce, dice := maskLosses(c, masks[i].ofTargets(queryBM), t, queryBM, points[i], by.Masks)
		class := classLoss(classes[i], t.ClassesBM, queryBM, c.NoObject, by.ClassWeights)
		total = plus(total, Add(Add(MulScalar(bce, c.Mask), MulScalar(dice, c.Dice)), MulScalar(class, c.Class)))
		terms.Mask, terms.Dice = append(terms.Mask, bce), append(terms.Dice, dice)
		terms.Class, terms.QueriesBM = append(terms.Class, class), append(terms.QueriesBM, queryBM)
	}
	return total, terms
}

// MatchedMasks is the number of mask pairs when validBM's targets are matched with
// this many queries per image, an int32 scalar.
func MatchedMasks(validBM *Node, queries int) *Node {
	perImage := ReduceSum(ConvertDType(validBM, dtypes.Int32), 1)
	return ReduceAllSum(MinScalar(perImage, queries))
}

// maskLosses are the mask losses of one prediction, given its assignment and the
// logits of each target's query, maps [B*M, h, w].
func maskLosses(c Config, maps *Node, t Targets, queryBM *Node, p Points, masks *Node) (bce, dice *Node) {
	batch, targets := queryBM.Shape().Dim(0), queryBM.Shape().Dim(1)
	n := batch * targets
	candidates := Reshape(p.CandidatesBM2, n, c.candidates(), 2)
	points := MostUncertain(candidates, unfused(SampleMaps(StopGradient(maps), candidates), candidates), c.uncertain())
	points = Concatenate([]*Node{points, Reshape(StopGradient(p.FreshBM2), n, c.fresh(), 2)}, 1)

	logits := unfused(SampleMaps(maps, points), points)
	labels := unfused(SampleOwnPlane(t.PlanesBHWW, Reshape(points, batch, targets, c.Points, 2)), points)
	matched := GreaterOrEqual(queryBM, ScalarZero(queryBM.Graph(), dtypes.Int32))
	return MaskLoss(logits, Reshape(labels, n, c.Points), Reshape(matched, n), masks)
}

func checkPredictions(c Config, masks []Masks, classes []*Node, t Targets) {
	if len(masks) == 0 || len(masks) != len(classes) {
		exceptions.Panicf("losses.Criterion: masks of %d predictions, class logits of %d: need both of each", len(masks), len(classes))
	}
	if err := c.Validate(); err != nil {
		panic(err)
	}
	for i := range masks {
		f, e, k := masks[i].FeaturesBhwD.Shape(), masks[i].EmbeddingBQD.Shape(), classes[i].Shape()
		if f.Rank() != 4 || e.Rank() != 3 || f.DType != e.DType || f.Dim(0) != e.Dim(0) || f.Dim(3) != e.Dim(2) {
			exceptions.Panicf("losses.Criterion: prediction %d: features %s, embedding %s: need [B, h, w, D] and [B, Q, D] of one dtype", i, f, e)
		}
		if k.Rank() != 3 || k.Dim(0) != e.Dim(0) || k.Dim(1) != e.Dim(1) || k.Dim(2) < 2 {
			exceptions.Panicf("losses.Criterion: prediction %d: embedding %s, class logits %s: need [B, Q, D] and [B, Q, C+1]", i, e, k)
		}
		t.check(f.Dim(0))
	}
}
