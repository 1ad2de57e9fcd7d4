package firmwaresim

import (
	"math"
	"math/rand/v2"
)

// fix is a trip's satellite positioning: an error that wanders slowly, noise, and how large both are, m.
type fix struct{ east, north, noise, sigma float64 }

func (c *City) newFix(r *rand.Rand) fix {
	sigma := c.options.GPSM * math.Exp(0.35*r.NormFloat64())
	return fix{0.85 * sigma * r.NormFloat64(), 0.85 * sigma * r.NormFloat64(), 0.5 * sigma, sigma}
}

// wander moves the error on by so many metres of road: it forgets half of itself in about 700 m.
func (f *fix) wander(lengthM float64, r *rand.Rand) {
	keep := math.Exp(-lengthM / 1000)
	fresh := 0.85 * f.sigma * math.Sqrt(1-keep*keep)
	f.east, f.north = keep*f.east+fresh*r.NormFloat64(), keep*f.north+fresh*r.NormFloat64()
}

// Between high walls a position errs more, and for some minutes all receivers there see the same reflected satellites.
const (
	reflectedS  = 240  // seconds for which a street's reflections stay the same
	outliers    = 0.03 // share of positions there that are far off
	outlierMost = 40   // metres
)

// misplaced is the error of one position, m, and its standard deviation as an honest receiver would estimate it.
func (c *City) misplaced(m encounter, r *rand.Rand) (east, north, sigma float64) {
	east, north = m.fix.east+m.fix.noise*r.NormFloat64(), m.fix.north+m.fix.noise*r.NormFloat64()
	if !c.grid.edges[m.edge].canyon {
		return east, north, m.fix.sigma
	}
	street := m.edge
	if back := c.grid.edges[m.edge].back; back >= 0 {
		street = min(street, back)
	}
	here := c.options.stream(purposeMultipath, uint64(street)<<32+uint64(m.at.Unix()/reflectedS))
	times := 1.6 + 0.9*here.Float64()
	biasEast, biasNorth := 1.5*m.fix.sigma*here.NormFloat64(), 1.5*m.fix.sigma*here.NormFloat64()
	east, north = times*east+biasEast, times*north+biasNorth
	if r.Float64() < outliers {
		angle, far := 2*math.Pi*r.Float64(), 15+(outlierMost-15)*r.Float64()
		east, north = east+far*math.Cos(angle), north+far*math.Sin(angle)
	}
	return east, north, m.fix.sigma * math.Hypot(times, 1.5)
}
