package detector

import (
	"math"
	"slices"
)

// Roughness is remembered in bins of time.
const (
	binS = 0.25
	bins = 40 // 10 s
)

// roughness is how much the road shakes the car where nothing lies on it: a low quantile of the mean squares in short bins, so
// that jolts do not count. It needs no warming up: what follows a jolt counts as well as what came before.
type roughness struct {
	ring    [bins]float32 // mean squares, g²
	kept    int
	sum, n  float64 // of the bin under way
	from    float64 // s
	density float64 // samples in a bin, running mean
	scratch [bins]float32
}

// quietShare is the quantile that is looked at: low, so that in a clip of five bins two may hold the jolt.
const quietShare = 0.35

// hear takes one high-passed sample, g.
func (q *roughness) hear(t, high float64) {
	if q.n > 0 && (t-q.from >= binS || t < q.from) {
		q.close()
	}
	if q.n == 0 {
		q.from = t
	}
	q.sum += high * high
	q.n++
}

func (q *roughness) close() {
	q.ring[q.kept%bins] = float32(q.sum / q.n)
	q.kept++
	q.density += (q.n - q.density) / math.Min(float64(q.kept), bins)
	q.sum, q.n = 0, 0
}

// rms is the road's roughness as felt lately, g; 0 where nothing is known yet.
func (q *roughness) rms() float64 {
	n := min(q.kept, bins)
	if n == 0 {
		return 0
	}
	sorted := q.scratch[:n]
	copy(sorted, q.ring[:n])
	slices.Sort(sorted)
	low := float64(sorted[int(quietShare*float64(n))])
	// A quantile of few samples' mean square is below their true mean square: that of chi-squared by Wilson and Hilferty (1931).
	// Samples that come densely are not independent.
	const z = -0.385 // of the normal distribution at quietShare
	f := 2 / (9 * min(math.Max(q.density, 1), 5))
	low /= math.Pow(1-f+z*math.Sqrt(f), 3)
	return math.Sqrt(low)
}
