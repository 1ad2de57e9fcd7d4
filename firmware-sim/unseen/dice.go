package unseen

import (
	"math"
	"math/rand/v2"
)

// dice is the city's one source of chance.
type dice struct{ *rand.Rand }

func (d dice) between(a, b float64) float64 { return a + (b-a)*d.Float64() }

func (d dice) chance(p float64) bool { return d.Float64() < p }

// around is a positive quantity with that median, spread by a factor of about e^spread.
func (d dice) around(median, spread float64) float64 {
	return median * math.Exp(spread*d.NormFloat64())
}

// count is a whole number from a to b.
func (d dice) count(a, b int) int { return a + d.IntN(b-a+1) }

// sign is -1 or 1.
func (d dice) sign() float64 { return float64(2*d.IntN(2) - 1) }

// poisson is how many events of a mean number happen.
func (d dice) poisson(mean float64) int {
	n, p, least := 0, 1.0, math.Exp(-mean)
	for {
		if p *= d.Float64(); p <= least {
			return n
		}
		n++
	}
}

// heavier returns an index drawn in proportion to the weights.
func (d dice) heavier(weights []float64) int {
	sum := 0.0
	for _, w := range weights {
		sum += w
	}
	at := d.Float64() * sum
	for i, w := range weights {
		if at -= w; at < 0 {
			return i
		}
	}
	return len(weights) - 1
}

// Read fills p with random bytes, so that dice make identifiers too.
func (d dice) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(d.Uint32())
	}
	return len(p), nil
}

func clamp(x, least, most float64) float64 { return math.Max(least, math.Min(most, x)) }

// round keeps that many decimals.
func round(x float64, decimals int) float64 {
	p := math.Pow10(decimals)
	return math.Round(x*p) / p
}
