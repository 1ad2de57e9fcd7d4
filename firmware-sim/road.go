package firmwaresim

import (
	"math"
	"math/rand/v2"
)

// stepM is the step of a road profile, metres.
const stepM = 0.02

// Kinds of pavement, with the geometric mean of their spectrum, 1e-6 m³: classes A, B to C, C to D, and cobbles, E.
const (
	goodPavement = iota
	fairPavement
	poorPavement
	cobbles
	pavements
)

func spectrumOf(pavement int) float64 { return [pavements]float64{12, 45, 130, 1100}[pavement] }

// pavedM is how many metres of each pavement are made; the city's roads are pieces of them.
const pavedM = 900

// roughness is a long piece of road without defects: random heights with the spectrum of ISO 8608, Gd(n) = Gd(n0) (n/n0)^-2
// at n0 = 0.1 cycles/m, of geometric mean gd in 1e-6 m³ (A: 16, B: 64, C: 256).
func roughness(r *rand.Rand, gd float64, lengthM float64) []float64 {
	heights := make([]float64, int(lengthM/stepM))
	for n := 0.05; n < 4; n *= 1.25 {
		width := n * 0.22
		amplitude := math.Sqrt(2 * gd * 1e-6 * math.Pow(n/0.1, -2) * width)
		// sin((i+1) turn + phase) follows from the two before it.
		phase, turn := r.Float64()*2*math.Pi, 2*math.Pi*n*stepM
		before, now, twice := math.Sin(phase-turn), math.Sin(phase), 2*math.Cos(turn)
		for i := range heights {
			heights[i] += amplitude * now
			before, now = now, twice*now-before
		}
	}
	return heights
}

// smooth is the tyre's contact patch: a moving average.
func smooth(profile []float64, contactM float64) []float64 {
	half := max(1, int(contactM/stepM/2))
	sums := make([]float64, len(profile)+1)
	for i, h := range profile {
		sums[i+1] = sums[i] + h
	}
	out := make([]float64, len(profile))
	for i := range profile {
		from, to := max(0, i-half), min(len(profile), i+half+1)
		out[i] = (sums[to] - sums[from]) / float64(to-from)
	}
	return out
}

// surface is the road under one wheel track: a piece of pavement and what lies on it.
type surface struct {
	pavement []float64 // heights, m
	from     int       // index of the pavement at x = 0
	shape    []float64 // heights of what lies there, nil: nothing
	at       int       // index of its beginning, from x = 0
}

// height is the road's height x metres on.
func (s *surface) height(x float64) float64 {
	i := int(x / stepM)
	k := s.from + i
	for k >= len(s.pavement) {
		k -= len(s.pavement)
	}
	h := s.pavement[k]
	if k := i - s.at; k >= 0 && k < len(s.shape) {
		h += s.shape[k]
	}
	return h
}
