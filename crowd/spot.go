package crowd

import "math"

// spot is where one device feels a place: the mean of its jolts.
type spot struct {
	east, north float64 // metres from the place's anchor
	variance    float64 // of the mean, by what the device says of its accuracy, m²
	sin, cos    float64 // sum of the jolts' directions of travel; both 0 where none was known
}

// spot is false where the device has felt nothing.
func (a *account) spot() (spot, bool) {
	if a.precision == 0 {
		return spot{}, false
	}
	return spot{a.east / a.precision, a.north / a.precision, 1 / a.precision, a.sin, a.cos}, true
}

// centre is where devices feel a place: each counts as one measurement, and the farthest are weighed down (Huber), as one bad fix must
// not move a place. weight is the sum of their weights, 1/m².
func centre(spots []spot) (east, north, weight float64) {
	east, north = spots[0].east, spots[0].north
	for range 3 {
		var se, sn float64
		weight = 0
		for _, p := range spots {
			w := 1 / (deviceSigmaM*deviceSigmaM + p.variance)
			if d := math.Hypot(p.east-east, p.north-north); d > 1.5*deviceSigmaM && len(spots) > 2 {
				w *= 1.5 * deviceSigmaM / d
			}
			se += p.east * w
			sn += p.north * w
			weight += w
		}
		east, north = se/weight, sn/weight
	}
	return east, north, weight
}

// direction is the unit vector in which devices drive over a place. It is not ok where they do not agree on one.
func direction(spots []spot) (sin, cos float64, ok bool) {
	for _, p := range spots {
		if r := math.Hypot(p.sin, p.cos); r > 0 {
			sin += p.sin / r
			cos += p.cos / r
		}
	}
	r := math.Hypot(sin, cos)
	return sin / r, cos / r, r > 0.3*float64(len(spots))
}

// What is known of how positions err.
const (
	usualBlur  = 0.8  // as a share of what phones say
	blurBefore = 30.0 // devices at places that this is worth
	blurLeastM = 2.5  // metres that even the best position errs by, along the road: phones feel late, and drivers swerve
	fewSpots   = 3    // devices at a place, to learn from it
)

// deviations calls each with how far every device's spot lies from the others' along the road, in standard errors where positions err by blur, and
// with the standard error, metres. It is false where there is no one road.
func deviations(spots []spot, blur float64, each func(z, sigma float64)) bool {
	if len(spots) < 2 {
		return false
	}
	sin, cos, ok := direction(spots)
	if !ok {
		return false
	}
	east, north, _ := centre(spots)
	for _, p := range spots {
		sigma := blur * math.Sqrt(blurLeastM*blurLeastM+p.variance)
		each(((p.east-east)*sin+(p.north-north)*cos)/sigma, sigma)
	}
	return true
}

// scattered is the log odds, by how far apart devices feel a place, that what shakes them is anywhere within reach rather than in one spot:
// several knocks, each for a reason of its own, lie as they fall, and what is on the road lies where it is.
func scattered(spots []spot, blur float64) float64 {
	const (
		freedom = 4.0
		norm    = -0.9808 // log of the density of Student's t at 0 with so many degrees of freedom
		sharp   = -1.0    // at most: rough road lies in one spot, too, more or less
		blunt   = 8.0
	)
	odds, precision := -math.Log(2*gateM), 0.0
	if !deviations(spots, blur, func(z, sigma float64) {
		odds += math.Log(2*gateM) + norm - math.Log(sigma) - (freedom+1)/2*math.Log1p(z*z/freedom)
		precision += 1 / (sigma * sigma)
	}) {
		return 0
	}
	odds += math.Log(2*math.Pi/precision) / 2 // the spot itself is not known
	return clamp(-odds, sharp, blunt)
}
