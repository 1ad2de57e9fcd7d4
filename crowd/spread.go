package crowd

import "math"

// dims is how many of a jolt's scores are free: they sum to 0.
const dims = NumClasses - 1

// Spread is how scores are spread: every place has a mean score of its own, around the mean of its class, and every
// device's jolts lie around their place's. So the tenth device adds little where it says the same as nine others: what is
// left is that a casting may simply look like a pothole. (Probabilistic linear discriminant analysis: Ioffe 2006.)
type Spread struct {
	Mean    [NumClasses][dims]float64       `json:"mean"`
	Between [NumClasses][dims][dims]float64 `json:"between"` // covariance of places
	Within  [NumClasses][dims][dims]float64 `json:"within"`  // covariance of devices at a place

	table [][NumClasses]gaussian // by count
}

// gaussian is a covariance's triangle and the log of its determinant's root.
type gaussian struct {
	root cholesky
	log  float64
}

// counts are the numbers of devices for which the covariances are kept.
func counts() []float64 { return []float64{1, 1.5, 2, 3, 4, 6, 8, 12, 16, 24, 40} }

// prepare computes the covariances.
func (s *Spread) prepare() {
	for _, n := range counts() {
		var row [NumClasses]gaussian
		for c := range row {
			sum := square(dims)
			for i := range sum {
				for j := range sum {
					sum[i][j] = s.Between[c][i][j] + s.Within[c][i][j]/n
				}
				sum[i][i] += 0.02 // no direction is ever certain
			}
			row[c].root = factor(sum)
			for i := range dims {
				row[c].log += math.Log(row[c].root[i][i])
			}
		}
		s.table = append(s.table, row)
	}
}

// LogLikelihood returns the log likelihood, under each class, of n devices' mean scores. Its tails are those of Student's
// t with 6 degrees of freedom: another city's jolts are never quite those that were learned from.
func (s *Spread) LogLikelihood(mean *Scores, n float64) [NumClasses]float64 {
	row := 0
	for i, c := range counts() {
		if n >= c {
			row = i
		}
	}
	var out [NumClasses]float64
	for c := range out {
		g := &s.table[row][c]
		var y [dims]float64
		for i := range y {
			y[i] = mean[i] - s.Mean[c][i]
		}
		g.root.whiten(y[:])
		far := 0.0
		for _, v := range y {
			far += v * v
		}
		const freedom = 6
		out[c] = -g.log - (freedom+dims)/2.0*math.Log1p(far/freedom)
	}
	return out
}
