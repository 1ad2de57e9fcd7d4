package unseen

import "math"

// shock is a kind of jolt that no road causes.
type shock string

const (
	knock    shock = "knock" // something falls, a child kicks the seat, the phone slips
	handling shock = "handling"
	braking  shock = "brake"
	door     shock = "door"
)

// strike is the acceleration at the mount of such a jolt, g at every tick.
func (c *City) strike(kind shock, m *mount, out []float64) []float64 {
	d := c.dice
	force := make([]float64, int(1.6/tick))
	pulse := func(atS, lastsS, high float64) {
		n := int(lastsS / tick)
		for i := range n {
			if k := int(atS/tick) + i; k < len(force) {
				force[k] += high * math.Sin(math.Pi*float64(i)/float64(n))
			}
		}
	}
	switch kind {
	case knock:
		for range 1 + d.poisson(0.5) {
			first := d.between(0.01, 0.25)
			high, lasts := d.around(0.6, 0.5)*d.sign(), d.between(0.012, 0.09)
			pulse(first, lasts, high)
			pulse(first+lasts, lasts*d.between(0.8, 1.6), -high*d.between(0.3, 0.8))
		}
	case door:
		pulse(0.02, d.between(0.015, 0.04), d.around(0.7, 0.4)*d.sign())
		pulse(0.06, d.between(0.03, 0.08), d.around(0.3, 0.4)*d.sign())
	case handling:
		for range d.count(2, 5) {
			pulse(d.between(0, 1), d.between(0.1, 0.5), d.around(0.35, 0.4)*d.sign())
		}
	case braking:
		high, lasts := d.between(0.25, 0.6), d.between(0.7, 1.4)
		pulse(0.02, lasts, high*d.sign()*max(0.35, math.Abs(m.tilt)))
		pulse(lasts, 0.15, -d.between(0.2, 0.5)*high) // the jerk at the stop
		pulse(d.between(0.1, 0.5), d.between(0.02, 0.06), d.around(0.25, 0.4)*d.sign())
	}
	var y, w float64
	for _, f := range force {
		w -= (f + 2*m.damping*m.omega*w + m.omega*m.omega*y) * tick
		y += w * tick
		out = append(out, -(2*m.damping*m.omega*w + m.omega*m.omega*y))
	}
	return out
}
