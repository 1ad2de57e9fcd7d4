package crowd

import "math"

// maxShape is the most numbers that the shape of jolts has.
const maxShape = waveFeatures + dims

// Shape is what jolts of one kind look like: their standardised features, then a third of their free scores.
type Shape [maxShape]float64

// scoreScale is by how much scores are made smaller, to be as large as the features.
const scoreScale = 3

// ShapeOf returns the shape of jolts with these standardised features and scores.
func ShapeOf(standard []float64, scores *Scores) Shape {
	var s Shape
	n := copy(s[:], standard)
	for i := range dims {
		s[n+i] = scores[i] / scoreScale
	}
	return s
}

// Scores are those of a shape of jolts of a kind: 0 without, 1 with a waveform.
func (s *Shape) Scores(kind int) Scores {
	var out Scores
	for i := range dims {
		out[i] = s[features(kind)+i] * scoreScale
		out[dims] -= out[i]
	}
	return out
}

// features is how many features jolts of a kind have: 0 without, 1 with a waveform.
func features(kind int) int { return [2]int{plainFeatures, waveFeatures}[kind] }

// Likeness is what places of each class look like: the mean of their shapes, and how places of one class lie around it,
// pooled over the classes. A city teaches its own (Likeness.learnt): where phones, cars and roads are other ones than the
// network has been trained on, the classes still stand apart from each other, but elsewhere.
type Likeness struct {
	Mean   [NumClasses][]float64 `json:"mean"`
	Spread [][]float64           `json:"spread"`
}

// discriminant weighs a shape for each class: the logarithm of a Gaussian density of which all classes share the
// covariance, but for what is the same for all (linear discriminant analysis: Fisher 1936).
type discriminant struct {
	weights [NumClasses]Shape
	bias    [NumClasses]float64
	heard   float64 // places that taught it
}

// untaught is how far the city has yet to teach what its classes look like, from 1 to 0.
func (d *discriminant) untaught() float64 {
	const half = 200.0 // places
	return half / (d.heard + half)
}

// weigh returns the log likelihood of each class, but for a common term, for the mean shape of n devices' jolts.
func (d *discriminant) weigh(s *Shape, n float64) [NumClasses]float64 {
	// Not all of the features' likelihood counts: their distributions have tails that Gaussians lack, and a single device's
	// mean lies farther out than that of the many whose spread is known. It counts for less before the city's own places have
	// taught what its classes look like. Fitted to cities of other physics than those that the network was trained on.
	const most, least = 0.8, 0.16
	gain := (most + (least-most)*d.untaught()) * n / (n + 0.9)
	var out [NumClasses]float64
	top := math.Inf(-1)
	for c := range out {
		out[c] = d.bias[c]
		for i, w := range d.weights[c] {
			out[c] += w * s[i]
		}
		top = math.Max(top, out[c])
	}
	for c := range out {
		out[c] = gain * math.Max(out[c]-top, -60)
	}
	return out
}

// gathered is what a city's places add to a likeness.
type gathered struct {
	weight [NumClasses]float64
	sum    [NumClasses]Shape
	square [maxShape][maxShape]float64
}

// add adds a place's shape, with the probability of each class.
func (g *gathered) add(s *Shape, size int, belief *[NumClasses]float64) {
	all := 0.0
	for c, p := range belief {
		g.weight[c] += p
		all += p
		for i, x := range s[:size] {
			g.sum[c][i] += p * x
		}
	}
	for i, x := range s[:size] {
		for j, y := range s[:i+1] {
			g.square[i][j] += all * x * y
		}
	}
}

// What training counts for beside a city's own places.
const (
	trainedMean   = 8.0  // places of a class
	trainedSpread = 80.0 // places
)

// learnt is the discriminant by what training and the city's places say.
func (l *Likeness) learnt(g *gathered) discriminant {
	size := len(l.Spread)
	var mean [NumClasses]Shape
	spread := square(size)
	count := trainedSpread
	for c := range mean {
		count += g.weight[c]
		for i := range size {
			mean[c][i] = (trainedMean*l.Mean[c][i] + g.sum[c][i]) / (trainedMean + g.weight[c])
		}
	}
	for i := range size {
		for j := range i + 1 {
			within := trainedSpread*l.Spread[i][j] + g.square[i][j]
			for c := range mean {
				within += g.weight[c]*mean[c][i]*mean[c][j] - mean[c][i]*g.sum[c][j] - g.sum[c][i]*mean[c][j]
			}
			spread[i][j] = within / count
		}
	}
	for i := range size {
		for j := range i {
			spread[i][j] *= 0.9 // towards features that are independent of each other
		}
		spread[i][i] += 0.002
	}
	var d discriminant
	for c := range mean {
		d.heard += g.weight[c]
	}
	root := factor(spread)
	for c := range mean {
		d.weights[c] = mean[c]
		root.solve(d.weights[c][:size])
		for i := range size {
			d.bias[c] -= d.weights[c][i] * mean[c][i] / 2
		}
	}
	return d
}
