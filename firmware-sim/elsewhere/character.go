package elsewhere

import (
	"math"
	"math/rand/v2"
)

// style is how the attacker goes about it.
type style int

const (
	careful style = iota // over all weeks, each device at few inventions
	lazy                 // in bursts of a few hours
	patient              // honest for more than a week first
	styles
)

// character is what a city is like: everything that differs from seed to seed.
type character struct {
	lat, lon  float64 // degrees, of the centre
	radius    float64 // m
	spacing   float64 // between crossings in the centre, m
	honeycomb bool    // three streets meet at most crossings
	extra     float64 // share of the streets that a tree of neighbours would not need
	canyons   float64 // share of the streets within half the radius where walls deflect signals
	rough     float64 // of the pavement, times the usual
	worn      float64 // share of the streets that are worn all along

	cars     int
	meetings float64 // of cars with things on the road, in all days
	trips    float64 // times the usual; see City.pace
	potholes int
	others   [4]int // castings, joints, speed bumps, rails

	depth    float64 // of potholes, times the usual
	sunk     float64 // of castings, times the usual
	shy      float64 // how much drivers steer round what they see, logits
	gps      float64 // typical error of a trip's positions, m
	silent   float64 // share of the apps that send no waveform
	slow     float64 // share of the apps that sample at up to 50 Hz
	answers  float64 // share of smooth passes that are told
	controls int     // spots on the watch list where nobody felt anything
	knocks   float64 // a trip
	brakes   float64 // share of hard stops at crossings that shake the phone enough

	vandals, companions float64 // shares of the cars
	odd, fleet          int     // vehicles
	attackers           int     // devices
	style               style
}

func newCharacter(r *rand.Rand) character {
	between := func(a, b float64) float64 { return a + (b-a)*r.Float64() }
	ch := character{
		lat: between(38, 60), lon: between(-8, 28), radius: between(2300, 3000), spacing: between(120, 170), honeycomb: r.IntN(3) == 0,
		extra: between(0.2, 0.6), canyons: between(0, 0.5), rough: between(0.6, 1.5), worn: between(0.01, 0.05),
		cars: 200 + r.IntN(101), meetings: between(1.1e5, 1.4e5), potholes: 180 + r.IntN(141),
		depth: between(0.85, 1.2), sunk: between(0.8, 1.25), shy: between(0, 0.5), gps: between(1.8, 5.5),
		silent: between(0.1, 0.5), slow: between(0.15, 0.75), answers: between(0.1, 0.28), controls: 40 + r.IntN(200),
		knocks: between(0.1, 0.5), brakes: between(0.001, 0.009),
		vandals: between(0.02, 0.05), companions: between(0.03, 0.09), odd: 1 + r.IntN(2), attackers: 16 + r.IntN(30), style: style(r.IntN(int(styles))),
	}
	for i := range ch.others {
		ch.others[i] = int(float64(ch.potholes) * between(0.7, 1.3) * [...]float64{1.1, 0.7, 0.85, 0.5}[i])
	}
	if r.Float64() < 0.4 {
		ch.fleet = 4 + r.IntN(5)
	}
	return ch
}

// logit and its inverse.
func logit(p float64) float64  { return math.Log(p / (1 - p)) }
func expit(x float64) float64  { return 1 / (1 + math.Exp(-x)) }
func square(x float64) float64 { return x * x }

// pick returns an index with a probability in proportion to its weight.
func pick(weights []float64, r *rand.Rand) int {
	sum := 0.0
	for _, w := range weights {
		sum += w
	}
	x := sum * r.Float64()
	for i, w := range weights {
		if x -= w; x < 0 {
			return i
		}
	}
	return len(weights) - 1
}

// fixed is a standard normal number that is always the same for a pair: a habit.
func fixed(seed uint64, a, b int) float64 {
	return rand.New(rand.NewPCG(seed, uint64(a)<<32|uint64(uint32(b)))).NormFloat64()
}
