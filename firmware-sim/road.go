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

// shape is the object's height along the wheels' way, its near edge marginM after the beginning; grown is the share of its
// full depth. Each pass meets another line through a pothole.
func (o *Object) shape(r *rand.Rand, grown float64) []float64 {
	profile := make([]float64, int((o.lengthM()+2*marginM)/stepM)+1)
	put := func(fromM, toM float64, height func(share float64) float64) {
		from, to := int((marginM+fromM)/stepM), int((marginM+toM)/stepM)
		for i := max(from, 0); i < min(to, len(profile)); i++ {
			profile[i] += height(float64(i-from) / float64(max(1, to-from)))
		}
	}
	switch o.Class {
	case "pothole": // a hole with a ragged floor and a broken edge
		depth := o.SizeM * grown
		var floor [4]float64
		for i := range floor {
			floor[i] = 1 + (0.1+0.3*o.ragged)*r.NormFloat64()
		}
		put(0, o.LengthM, func(s float64) float64 {
			edge := math.Min(1, math.Min(s, 1-s)*(12-9*o.ragged))
			return -depth * edge * floor[int(s*3.99)]
		})
	case "casting": // a round lid, sunken or proud, the asphalt around it more or less broken
		put(0, o.LengthM, func(s float64) float64 { return o.SizeM * math.Min(1, math.Min(s, 1-s)*12) })
		if o.ragged > 0 {
			rim := -math.Abs(o.SizeM) * o.ragged * (0.5 + 0.5*r.Float64())
			put(-0.2, 0, func(s float64) float64 { return rim * s })
			put(o.LengthM, o.LengthM+0.2, func(s float64) float64 { return rim * (1 - s) })
		}
	case "joint": // a gap with a step
		put(0, o.LengthM, func(float64) float64 { return -o.SizeM })
		put(o.LengthM, o.LengthM+1.2, func(s float64) float64 { return o.SizeM * 0.6 * (1 - s) })
	case "rail": // two rails, standard gauge: the surface has sunk on both sides of each
		for _, x := range []float64{0, gaugeM} {
			put(x, x+0.3, func(float64) float64 { return -o.SizeM })
			put(x+0.37, x+0.6, func(float64) float64 { return -o.SizeM * 0.7 })
		}
	case "speed_bump": // a round hump, or a raised crossing with ramps of 0.9 m
		if o.LengthM > crossingM {
			put(0, o.LengthM, func(s float64) float64 { return o.SizeM * math.Min(1, math.Min(s, 1-s)*o.LengthM/0.9) })
			break
		}
		put(0, o.LengthM, func(s float64) float64 { return o.SizeM * math.Sin(math.Pi*s) })
	}
	return profile
}

const (
	marginM   = 0.3   // of a shape before and after the object
	gaugeM    = 1.435 // standard gauge of a railway
	crossingM = 3.9   // a speed bump that is longer is a raised crossing
)

// lengthM is how far the object's shape reaches.
func (o *Object) lengthM() float64 {
	switch o.Class {
	case "joint":
		return o.LengthM + 1.2
	case "rail":
		return gaugeM + 0.6
	}
	return o.LengthM
}
