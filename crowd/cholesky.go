package crowd

import "math"

// cholesky is the lower triangle whose square is a covariance.
type cholesky [][]float64

// factor returns a covariance's triangle; only its own lower triangle is read. No variance is taken to be 0.
func factor(covariance [][]float64) cholesky {
	l := make(cholesky, len(covariance))
	for i, row := range covariance {
		l[i] = make([]float64, i+1)
		for j := range i + 1 {
			sum := row[j]
			for k := range j {
				sum -= l[i][k] * l[j][k]
			}
			if i == j {
				l[i][i] = math.Sqrt(math.Max(sum, 1e-6))
			} else {
				l[i][j] = sum / l[j][j]
			}
		}
	}
	return l
}

// whiten solves l · y = x in place of x.
func (l cholesky) whiten(x []float64) {
	for i, row := range l {
		sum := x[i]
		for k, w := range row[:i] {
			sum -= w * x[k]
		}
		x[i] = sum / row[i]
	}
}

// roots are the triangles of all classes, number by number side by side: six are whitened almost as fast as one.
type roots [][][NumClasses]float64

func newRoots(size int) roots {
	r := make(roots, size)
	for i := range r {
		r[i] = make([][NumClasses]float64, i+1)
	}
	return r
}

// put sets a class's triangle.
func (r roots) put(class int, l cholesky) {
	for i, row := range l {
		for j, w := range row {
			r[i][j][class] = w
		}
	}
}

// whiten does for every class what cholesky.whiten does for one.
func (r roots) whiten(x [][NumClasses]float64) {
	for i, row := range r {
		at := &x[i]
		a, b, c, d, e, f := at[0], at[1], at[2], at[3], at[4], at[5] // in registers
		for k := range row[:i] {
			w, y := &row[k], &x[k]
			a -= w[0] * y[0]
			b -= w[1] * y[1]
			c -= w[2] * y[2]
			d -= w[3] * y[3]
			e -= w[4] * y[4]
			f -= w[5] * y[5]
		}
		w := &row[i]
		*at = [NumClasses]float64{a / w[0], b / w[1], c / w[2], d / w[3], e / w[4], f / w[5]}
	}
}

// square is an empty matrix.
func square(size int) [][]float64 {
	m := make([][]float64, size)
	for i := range m {
		m[i] = make([]float64, size)
	}
	return m
}
