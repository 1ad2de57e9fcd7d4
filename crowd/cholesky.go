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

// square is an empty matrix.
func square(size int) [][]float64 {
	m := make([][]float64, size)
	for i := range m {
		m[i] = make([]float64, size)
	}
	return m
}
