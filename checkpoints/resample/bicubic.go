package resample

import "math"

// matrix is dense and row-major.
type matrix struct {
	rows, cols int
	at         []float64
}

func newMatrix(rows, cols int) matrix { return matrix{rows, cols, make([]float64, rows*cols)} }

func (m matrix) row(i int) []float64 { return m.at[i*m.cols : (i+1)*m.cols] }

// bicubic is the matrix [to, from] that resizes a line of from samples to one
// of to: half-pixel centres, Keys' cubic with a = -1/2, widened by from/to where
// the line shrinks, weights of each output normalised to sum 1. This is PIL's
// BICUBIC filter and torch's with antialias.
func bicubic(from, to int) matrix {
	m := newMatrix(to, from)
	scale := float64(from) / float64(to)
	widening := max(scale, 1)
	support := 2 * widening
	for i := range to {
		centre := scale * (float64(i) + .5)
		begin := max(int(centre-support+.5), 0)
		end := min(int(centre+support+.5), from)
		row, sum := m.row(i), 0.
		for j := begin; j < end; j++ {
			row[j] = keys((float64(j) - centre + .5) / widening)
			sum += row[j]
		}
		for j := begin; j < end; j++ {
			row[j] /= sum
		}
	}
	return m
}

// keys is the cubic convolution kernel with a = -1/2 (Keys 1981, equation 15).
func keys(x float64) float64 {
	switch x = math.Abs(x); {
	case x < 1:
		return (1.5*x-2.5)*x*x + 1
	case x < 2:
		return ((-.5*x+2.5)*x-4)*x + 2
	}
	return 0
}

// pseudoinverseT is the transposed Moore-Penrose inverse of m, which has m's
// shape; m has full rank, as every bicubic resize has.
func pseudoinverseT(m matrix) matrix {
	// For a tall m of full column rank pinv(m) = (m'm)^-1 m'; a matrix with more
	// columns than rows is the same transposed. Either way the transposed inverse is m times or under the
	// inverse of the smaller Gram matrix.
	if m.rows < m.cols {
		return transpose(pseudoinverseT(transpose(m)))
	}
	gram := newMatrix(m.cols, m.cols)
	for k := range m.rows {
		row := m.row(k)
		for i, a := range row {
			for j, b := range row {
				gram.at[i*m.cols+j] += a * b
			}
		}
	}
	return transpose(solve(gram, transpose(m)))
}

// solve is x with a x = b, by Gaussian elimination with partial pivoting. Both
// arguments are overwritten.
func solve(a, b matrix) matrix {
	n := a.rows
	for k := range n {
		pivot := k
		for i := k + 1; i < n; i++ {
			if math.Abs(a.row(i)[k]) > math.Abs(a.row(pivot)[k]) {
				pivot = i
			}
		}
		swap(a.row(k), a.row(pivot))
		swap(b.row(k), b.row(pivot))
		for i := range n {
			if i != k {
				factor := a.row(i)[k] / a.row(k)[k]
				subtract(a.row(i), a.row(k), factor)
				subtract(b.row(i), b.row(k), factor)
			}
		}
	}
	for i := range n {
		scale := a.row(i)[i]
		for j := range b.row(i) {
			b.row(i)[j] /= scale
		}
	}
	return b
}

// swap exchanges two rows, which may be one.
func swap(x, y []float64) {
	for i := range x {
		x[i], y[i] = y[i], x[i]
	}
}

// subtract takes factor times y from x.
func subtract(x, y []float64, factor float64) {
	for i := range x {
		x[i] -= factor * y[i]
	}
}

func transpose(m matrix) matrix {
	t := newMatrix(m.cols, m.rows)
	for i := range m.rows {
		for j, v := range m.row(i) {
			t.at[j*m.rows+i] = v
		}
	}
	return t
}
