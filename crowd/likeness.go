package crowd

import (
	"math"
	"slices"
)

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

// discriminant weighs a shape for each class: the logarithm of a Gaussian density (quadratic discriminant analysis). Classes differ in
// how wide they are as well: holes are of all sorts, covers of a few.
type discriminant struct {
	mean   [NumClasses]Shape
	spread roots
	width  [NumClasses]float64 // log of the root of the spread's determinant: see measure
	heard  float64             // places that taught it
}

// measure works out the widths.
func (d *discriminant) measure() {
	d.width = [NumClasses]float64{}
	for i, row := range d.spread {
		for c, w := range row[i] {
			d.width[c] += math.Log(w)
		}
	}
}

// newDiscriminant is an empty one for jolts of a kind.
func newDiscriminant(kind int) discriminant {
	return discriminant{spread: newRoots(features(kind) + dims)}
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
	const most, least = 0.6, 0.16
	gain := (most + (least-most)*d.untaught()) * n / (n + 0.9)
	var all [maxShape][NumClasses]float64
	apart := all[:len(d.spread)]
	for i := range apart {
		for c := range d.mean {
			apart[i][c] = s[i] - d.mean[c][i]
		}
	}
	d.spread.whiten(apart)
	var out [NumClasses]float64
	for c, w := range d.width {
		out[c] = -w
	}
	for i := range apart {
		for c, y := range apart[i] {
			out[c] -= y * y / 2
		}
	}
	top := slices.Max(out[:])
	for c := range out {
		out[c] = gain * math.Max(out[c]-top, -60)
	}
	return out
}

// gathered is what a city's places add to a likeness.
type gathered struct {
	weight [NumClasses]float64
	sum    [NumClasses]Shape
	square [NumClasses][maxShape][maxShape]float64
}

// add adds a place's shape, with the probability of each class.
func (g *gathered) add(s *Shape, size int, belief *[NumClasses]float64) {
	for c, p := range belief {
		g.weight[c] += p
		for i, x := range s[:size] {
			px, row := p*x, g.square[c][i][:i+1]
			g.sum[c][i] += px
			for j := range row {
				row[j] += px * s[j]
			}
		}
	}
}

func (g *gathered) merge(o *gathered) {
	for c := range g.weight {
		g.weight[c] += o.weight[c]
		for i, x := range o.sum[c] {
			g.sum[c][i] += x
			for j, xx := range o.square[c][i][:i+1] {
				g.square[c][i][j] += xx
			}
		}
	}
}

// What training counts for beside a city's own places.
const (
	trainedMean   = 8.0  // places of a class
	trainedSpread = 80.0 // places
	pooledSpread  = 25.0 // places: what all classes together count for beside one of them
)

// learnt is the discriminant by what training and the city's places say.
func (l *Likeness) learnt(g *gathered) discriminant {
	size := len(l.Spread)
	d := discriminant{spread: newRoots(size)}
	var within [NumClasses][][]float64 // of each class, times its weight
	pooled := square(size)
	for i := range size {
		for j := range i + 1 {
			pooled[i][j] = trainedSpread * l.Spread[i][j]
		}
	}
	for c := range d.mean {
		d.heard += g.weight[c]
		mean := &d.mean[c]
		for i := range size {
			mean[i] = (trainedMean*l.Mean[c][i] + g.sum[c][i]) / (trainedMean + g.weight[c])
		}
		within[c] = square(size)
		for i := range size {
			for j := range i + 1 {
				within[c][i][j] = g.square[c][i][j] + g.weight[c]*mean[i]*mean[j] - mean[i]*g.sum[c][j] - g.sum[c][i]*mean[j]
				pooled[i][j] += within[c][i][j]
			}
		}
	}
	for c := range within {
		for i := range size {
			for j := range i + 1 {
				within[c][i][j] = (pooledSpread*pooled[i][j]/(trainedSpread+d.heard) + within[c][i][j]) / (pooledSpread + g.weight[c])
			}
			within[c][i][i] += 0.002
		}
		d.spread.put(c, factor(within[c]))
	}
	d.measure()
	return d
}
