package firmwaresim

import (
	"math"
	"math/rand/v2"
)

// forms is in how many ways the things of a class are made, or break.
const forms = 4

// habits are a city's: how its roads are built, and how they break. What is usual in one is rare in another, so that nothing is learnt
// which holds in one city only.
type habits struct {
	forms    map[string][forms]float64 // shares
	size     map[string]float64        // times the usual
	sign     map[string]float64        // share of what goes up and not down, where it may be either
	proud    float64                   // share of the castings that stand out of the road
	lips     float64                   // shares of the potholes with raised edges, a crumbled apron, another hole behind
	aprons   float64
	pairs    float64
	double   float64 // share of the railways with two tracks
	cushions float64 // share of the speed bumps that are short cushions
	firm     float64 // of tyres that bridge what is short; 0: they follow the road
}

func newHabits(r *rand.Rand) habits {
	h := habits{forms: map[string][forms]float64{}, size: map[string]float64{}, sign: map[string]float64{},
		proud: 0.1 + 0.5*r.Float64(), lips: 0.5 * r.Float64(), aprons: 0.5 * r.Float64(), pairs: 0.3 * r.Float64(), double: r.Float64(), cushions: 0.3 * r.Float64()}
	for _, class := range classes() {
		var shares [forms]float64
		total := 0.0
		for i := range shares {
			shares[i] = math.Exp(1.3 * r.NormFloat64())
			total += shares[i]
		}
		for i := range shares {
			shares[i] /= total
		}
		h.forms[class], h.size[class], h.sign[class] = shares, math.Exp(0.25*r.NormFloat64()), r.Float64()
	}
	if r.Float64() < 0.75 {
		h.firm = 0.6 + 0.4*r.Float64()
	}
	return h
}

// plainHabits are a town's where everything is made in the first of its ways and tyres follow the road.
func plainHabits() habits {
	h := habits{forms: map[string][forms]float64{}, size: map[string]float64{}, sign: map[string]float64{}, proud: 0.3}
	for _, class := range classes() {
		h.forms[class], h.size[class], h.sign[class] = [forms]float64{1}, 1, 1
	}
	return h
}

func classes() []string { return []string{"pothole", "casting", "joint", "rail", "speed_bump"} }

// built is how one thing is made, or broken. What the numbers say depends on its class and form.
type built struct {
	form        int
	sign        float64 // 1 up, -1 down
	wideM       float64
	nearM, farM float64 // of a hole's edges
	lip         float64 // share of its depth
	second      float64 // the far side's share of the near side's
	apron       float64 // m deep
	pair        float64 // depth of another hole behind it, share of its own
	tracks      int
}

// build draws how a thing is made.
func (h *habits) build(class string, r *rand.Rand) built {
	between := func(low, high float64) float64 { return low + (high-low)*r.Float64() }
	shares := h.forms[class]
	b := built{form: draw(r, forms, func(i int) float64 { return shares[i] }), sign: -1, wideM: between(0.15, 0.6), nearM: between(0.02, 0.16),
		farM: between(0.02, 0.13), second: between(0.6, 1.3), tracks: 1}
	if r.Float64() < h.sign[class] {
		b.sign = 1
	}
	if r.Float64() < h.double {
		b.tracks = 2
	}
	switch class {
	case "pothole":
		if r.Float64() < h.lips {
			b.lip = between(0.05, 0.3)
		}
		if r.Float64() < h.aprons {
			b.apron = between(0.004, 0.014)
		}
		if r.Float64() < h.pairs {
			b.pair = between(0.3, 0.8)
		}
	case "joint":
		b.lip = between(0.1, 0.4)
	case "speed_bump":
		b.wideM = between(0.15, 1.2)
	}
	return b
}
