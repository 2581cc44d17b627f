package train

import (
	"math"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"

	"eomt/losses"
)

// Losses are the results of a step on the host.
type Losses struct {
	Total        float64
	Mask         []float64 // [L+1] binary cross-entropy of each prediction, unweighted
	Dice         []float64
	Class        []float64
	GradientNorm float64 // before clipping
	Matched      float64 // matched targets of the final prediction in the batch
}

// Finite reports whether the losses and the gradient norm are finite.
func (l Losses) Finite() bool {
	return isFinite(l.Total) && isFinite(l.GradientNorm)
}

func isFinite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

// add adds the losses of another share of the same batch.
func (l *Losses) add(m Losses) {
	l.Total += m.Total
	l.Matched += m.Matched
	for _, pair := range [][2][]float64{{l.Mask, m.Mask}, {l.Dice, m.Dice}, {l.Class, m.Class}} {
		for i := range pair[0] {
			pair[0][i] += pair[1][i]
		}
	}
}

// pack puts all numbers of a step into one vector, for a single transfer.
func pack(total *Node, t losses.Terms, norm *Node) *Node {
	values := []*Node{total, norm, t.Matched}
	for i := range t.Mask {
		values = append(values, t.Mask[i], t.Dice[i], t.Class[i])
	}
	for i, v := range values {
		values[i] = ConvertDType(v, dtypes.Float64)
	}
	return Stack(values, 0)
}

// values are in the order of pack.
func (l Losses) values() []float64 {
	values := []float64{l.Total, l.GradientNorm, l.Matched}
	for i := range l.Mask {
		values = append(values, l.Mask[i], l.Dice[i], l.Class[i])
	}
	return values
}

// unpack is the inverse of [Losses.values].
func unpack(values []float64) Losses {
	l := Losses{Total: values[0], GradientNorm: values[1], Matched: values[2]}
	for i := 3; i < len(values); i += 3 {
		l.Mask = append(l.Mask, values[i])
		l.Dice = append(l.Dice, values[i+1])
		l.Class = append(l.Class, values[i+2])
	}
	return l
}
