package unseen

import "math"

// stepM is how far apart the samples of a profile are, metres.
const stepM = 0.02

// field is a height field around an object's middle. Heights are metres above the road.
type field interface {
	// height is at x metres ahead of the middle and y metres to its right, for an object of that share of its full size.
	height(x, y, grown float64) float64
	// size is the depth or height, and the extent along the road, metres.
	size() (height, length float64)
}

func newField(class string, d dice) field {
	switch class {
	case "pothole":
		h := &hole{
			half: clamp(d.around(0.38, 0.3), 0.2, 0.8), across: clamp(d.around(0.34, 0.25), 0.18, 0.6),
			depth: clamp(d.around(0.115, 0.22), 0.07, 0.17), edge: d.between(0.04, 0.25), lip: d.between(0, 0.008),
		}
		for i := range h.wave {
			h.wave[i], h.phase[i] = d.between(0.02, 0.22)/float64(i+1), d.between(0, 2*math.Pi)
		}
		return h
	case "casting":
		deep := -clamp(d.around(0.014, 0.3), 0.006, 0.028)
		if d.chance(0.4) {
			deep = clamp(d.around(0.011, 0.3), 0.005, 0.022) // proud
		}
		return &cover{radius: d.between(0.29, 0.36), deep: deep, ring: d.between(0.08, 0.5), collar: 0.008 * d.NormFloat64(), rattle: d.between(0, 0.004)}
	case "joint":
		return &joint{gap: d.between(0.06, 0.18), deep: d.between(0.015, 0.04), step: 0.008 * d.NormFloat64(), hump: d.between(0.004, 0.018), skew: 0.12 * d.NormFloat64()}
	case "rail":
		return &rail{tracks: d.count(1, 2), proud: d.between(0.005, 0.014), sunk: d.between(0.006, 0.024), skew: 0.2 * d.NormFloat64(), panel: 0.012 * d.NormFloat64()}
	}
	b := &ramp{shape: d.heavier([]float64{3, 3, 2, 1}), high: d.between(0.07, 0.12), long: d.between(2.6, 4)}
	switch b.shape {
	case table:
		b.long, b.slope = d.between(4, 7), d.between(0.8, 1.3)
	case cushion:
		b.long, b.slope, b.wide, b.high = d.between(2, 3.2), d.between(0.5, 0.8), d.between(1.6, 1.9), d.between(0.055, 0.075)
	case rubber:
		b.long, b.high = d.between(0.4, 0.9), d.between(0.035, 0.055)
	}
	return b
}

// hole is an irregular ellipse with broken edges.
type hole struct {
	half, across, depth, edge, lip float64 // edge: width of the broken rim as a share of the radius
	wave, phase                    [4]float64
}

func (h *hole) height(x, y, grown float64) float64 {
	spread := 0.6 + 0.4*grown
	a, rho := math.Atan2(y, x), math.Hypot(x/(h.half*spread), y/(h.across*spread))
	for i, w := range h.wave {
		rho *= 1 + w*math.Cos(float64(i+2)*a+h.phase[i])
	}
	switch {
	case rho < 1-h.edge:
		return -h.depth * grown * (1 - 0.3*rho*rho)
	case rho < 1:
		inner := 1 - 0.3*(1-h.edge)*(1-h.edge)
		return -h.depth * grown * inner * (1 - rho) / h.edge
	case rho < 1.3:
		return h.lip * grown * (1.3 - rho) / 0.3
	}
	return 0
}

func (h *hole) size() (float64, float64) { return h.depth, 2 * h.half }

// cover is a disc, sunken or proud, in a ring of patching.
type cover struct{ radius, deep, ring, collar, rattle float64 }

func (c *cover) height(x, y, _ float64) float64 {
	r := math.Hypot(x, y)
	switch {
	case r < c.radius:
		return c.deep + c.rattle*x/c.radius // a loose cover tips
	case r < c.radius+c.ring:
		return c.collar * (1 - (r-c.radius)/c.ring)
	}
	return 0
}

func (c *cover) size() (float64, float64) { return c.deep, 2 * c.radius }

// joint is a gap across the carriageway, a little askew, in a hump of settled slabs.
type joint struct{ gap, deep, step, hump, skew float64 }

func (j *joint) height(x, y, _ float64) float64 {
	x -= j.skew * y
	h := j.hump * math.Exp(-x*x/0.18)
	switch {
	case math.Abs(x) < j.gap/2:
		return h - j.deep
	case x >= 0 && x < 1.2:
		return h + j.step*(1-x/1.2)
	}
	return h
}

func (j *joint) size() (float64, float64) { return j.deep, j.gap }

// rail is a crossing of one or two tracks.
type rail struct {
	tracks            int
	proud, sunk, skew float64
	panel             float64 // height of the panel between rails
}

func (r *rail) height(x, y, _ float64) float64 {
	const gauge, spacing, head, groove = 1.435, 3.2, 0.035, 0.06
	x -= r.skew * y
	if r.tracks == 2 {
		x = math.Abs(x) - spacing/2
	}
	d := math.Abs(x) - gauge/2
	switch {
	case math.Abs(d) < head:
		return r.proud
	case d > -head-groove && d <= -head, d >= head && d < head+0.03:
		return -r.sunk
	case d < 0:
		return r.panel
	case d < 0.5:
		return r.panel * (1 - d/0.5)
	}
	return 0
}

func (r *rail) size() (float64, float64) { return r.proud, 1.5 + 3.2*float64(r.tracks-1) }

// Shapes of speed bumps.
const (
	sinusoid = iota
	table
	cushion
	rubber
)

// ramp is a speed bump.
type ramp struct {
	shape                   int
	high, long, slope, wide float64
}

func (b *ramp) height(x, y, _ float64) float64 {
	half := b.long / 2
	if math.Abs(x) >= half {
		return 0
	}
	switch b.shape {
	case sinusoid:
		return b.high * (1 + math.Cos(math.Pi*x/half)) / 2
	case rubber:
		return b.high * math.Sqrt(1-x*x/(half*half))
	}
	h := b.high * math.Min(1, (half-math.Abs(x))/b.slope)
	if b.shape == cushion {
		h *= clamp((b.wide/2+0.15-math.Abs(y))/0.3, 0, 1)
	}
	return h
}

func (b *ramp) size() (float64, float64) { return b.high, b.long }

// Tyre: radius, half its tread's width and half its contact's length, metres.
const (
	tyreM    = 0.31
	treadM   = 0.08
	contactM = 0.06
)

// A profile begins so far before an object and ends so far behind it, metres.
const aheadM, behindM = 0.7, 1.4

// envelop rolls a rigid ring over the field along a line and smooths over the contact, as in enveloping models of tyres (Bakker
// and Zegelaar): the profile that the wheel's spring meets.
func envelop(f field, y, grown float64) []float64 {
	_, length := f.size()
	n := int((length + aheadM + behindM) / stepM)
	raw := make([]float64, n)
	for i := range raw {
		x := float64(i)*stepM - aheadM - length/2
		raw[i] = (f.height(x, y-treadM, grown) + 2*f.height(x, y, grown) + f.height(x, y+treadM, grown)) / 4
	}
	return roll(raw)
}

// roll is the envelope of a raw profile.
func roll(raw []float64) []float64 {
	const reach = 11 // steps: 0.7 of the radius
	var drop [reach + 1]float64
	for u := range drop {
		x := float64(u) * stepM
		drop[u] = tyreM - math.Sqrt(tyreM*tyreM-x*x)
	}
	ringed := make([]float64, len(raw))
	for i := range raw {
		top := raw[i]
		for u := 1; u <= reach; u++ {
			if i >= u {
				top = max(top, raw[i-u]-drop[u])
			}
			if i+u < len(raw) {
				top = max(top, raw[i+u]-drop[u])
			}
		}
		ringed[i] = top
	}
	const half = int(contactM / stepM)
	out := make([]float64, len(raw))
	for i := half; i < len(raw)-half; i++ {
		sum := 0.0
		for u := -half; u <= half; u++ {
			sum += ringed[i+u]
		}
		out[i] = sum / float64(2*half+1)
	}
	return out
}

// rough are the two tracks of a stretch of cobbles: waves of 8 to 60 cm, partly common to both, and some stones out of line.
func rough(length, coarse float64, d dice) (left, right []float64) {
	n := int(length / stepM)
	left, right = make([]float64, n), make([]float64, n)
	var slow, a, b, stoneL, stoneR float64
	for i := range left {
		if i%7 == 0 {
			stoneL, stoneR = 0.004*d.NormFloat64(), 0.004*d.NormFloat64()
			if d.chance(0.02) {
				stoneL -= 0.015
			}
			if d.chance(0.02) {
				stoneR -= 0.015
			}
		}
		slow = 0.96*slow + 0.0012*d.NormFloat64()
		a += 0.4 * (stoneL - a)
		b += 0.4 * (stoneR - b)
		ease := clamp(float64(min(i, n-1-i))*stepM/2, 0, 1)
		left[i], right[i] = coarse*ease*(slow+a), coarse*ease*(slow+b)
	}
	return roll(left), roll(right)
}
