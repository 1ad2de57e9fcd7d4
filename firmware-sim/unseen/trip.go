package unseen

import (
	"math"
	"time"
)

// trip is a car's way from one place to another.
type trip struct {
	driver *driver
	roads  []int
	start  float64 // seconds after midnight
	lies   *invention
}

const hour = 3600.0

// plan is what a driver drives on a day.
func (c *City) plan(v *driver, day int) []trip {
	d := c.dice
	var trips []trip
	at := v.home
	leave := func(to int, hours float64) {
		if to != at {
			trips = append(trips, trip{driver: v, roads: c.route(v, at, to), start: clamp(hours, 0.05, 23.6) * hour})
			at = to
		}
	}
	weekday := day%7 < 5
	switch {
	case v.kind == fleet || v.taxi:
		shift, n := d.between(6, 9), d.poisson(5*v.keen)
		if v.taxi && d.chance(0.4) {
			shift = d.between(13, 15)
		}
		for i := range n {
			leave(v.haunts[d.IntN(len(v.haunts))], shift+float64(i)*d.between(1, 1.25))
		}
		leave(v.home, shift+1.2*float64(n)+0.5)
		return trips
	case weekday && v.worker && d.chance(0.95*math.Sqrt(c.traits.appetite)):
		out, back := 8+0.7*d.NormFloat64(), 17.2+0.9*d.NormFloat64()
		if v.night {
			out, back = 3+0.5*d.NormFloat64(), 12+0.7*d.NormFloat64()
		}
		if v.kind == attacker && d.chance(0.3) {
			break
		}
		leave(v.work, out)
		if d.chance(0.12) {
			leave(v.haunts[d.IntN(len(v.haunts))], 12.3)
			leave(v.work, 13.1)
		}
		leave(v.home, back)
	}
	rate := 0.5
	if !weekday {
		rate = 0.9
	}
	hours := d.between(9.5, 13)
	if len(trips) > 0 {
		hours = 19 + d.between(0, 1.5)
	}
	for range d.poisson(rate * v.keen) {
		leave(v.haunts[d.IntN(min(len(v.haunts), 1+d.IntN(len(v.haunts))))], hours)
		hours += d.between(0.6, 2)
		leave(v.home, hours)
		hours += d.between(0.4, 2)
	}
	return trips
}

// pace is a car's speed along a road: limited by the road, the corners at its ends, and what it slows down for.
type pace struct {
	cruise, in, out, length float64
	slows                   []slow
	gain, brake             float64 // m/s²
}

type slow struct{ along, speed float64 }

func (p *pace) at(x float64) float64 {
	v := min(p.cruise, math.Sqrt(p.in*p.in+2*p.gain*max(0, x)), math.Sqrt(p.out*p.out+2*p.brake*max(0, p.length-x)))
	for _, s := range p.slows {
		a := p.brake
		if x > s.along {
			a = p.gain
		}
		v = min(v, math.Sqrt(s.speed*s.speed+2*a*math.Abs(x-s.along)))
	}
	return max(v, 0.6)
}

// accel is the acceleration there, m/s².
func (p *pace) accel(x float64) float64 {
	a, b := p.at(x-1.5), p.at(x+1.5)
	return (b*b - a*a) / 6
}

// pass is a car on its way along a road.
type pass struct {
	*pace
	v     *driver
	k     int
	along float64
	at    time.Time
	sky   []*sky // of each phone
	late  []time.Duration
	lies  *invention
	felt  [][]float64 // places on this road where each phone sent a jolt
	right float64     // place in the lane
}

// advance moves the car to that many metres along.
func (m *pass) advance(to float64) {
	const stride = 6.0
	for m.along < to {
		step := min(stride, to-m.along)
		m.at = m.at.Add(time.Duration(step / m.pace.at(m.along+step/2) * float64(time.Second)))
		m.along += step
	}
}

// drive is one trip.
func (c *City) drive(t *trip, day int) {
	if len(t.roads) == 0 {
		return
	}
	d, v := c.dice, t.driver
	m := &pass{v: v, at: c.at(day, t.start), lies: t.lies}
	for _, p := range v.phones {
		m.sky = append(m.sky, c.newSky(p))
		late := time.Duration(0)
		if d.chance(p.lateness) {
			late = time.Duration(d.around(5, 1) * float64(time.Hour))
		}
		m.late = append(m.late, min(late, 70*time.Hour))
	}
	in := 1.0
	for i, k := range t.roads {
		in = c.enter(m, k, in, t.roads[i+1:])
		c.along(m)
		m.advance(m.length)
	}
	if d.chance(0.03) {
		c.shock(m, door)
	}
}

// enter makes the speed profile of the next road, and returns the speed at its end.
func (c *City) enter(m *pass, k int, in float64, next []int) (out float64) {
	d, r, v := c.dice, &c.streets.roads[k], m.v
	hours := float64(m.at.Hour()) + float64(m.at.Minute())/60
	jam := 0.0
	if wd := m.at.Weekday(); wd != time.Saturday && wd != time.Sunday {
		jam = bell(hours-8) + 0.9*bell((hours-17.3)/1.2)
	}
	cruise := r.rank.pace() * v.brisk * d.around(1, 0.08) * (1 - 0.35*jam*d.Float64())
	out = 0.8
	if len(next) > 0 {
		o := &c.streets.roads[next[0]]
		switch turn := r.east*o.east + r.ahead*o.ahead; {
		case turn < 0.6:
			out = d.between(3.5, 6.5)
		case d.chance(0.25):
			out = d.between(0.6, 3)
		default:
			out = min(cruise, o.rank.pace()) * d.between(0.75, 1)
		}
	}
	p := &pace{cruise: cruise, in: in, out: out, length: r.length, gain: d.between(1, 1.9), brake: d.between(1.2, 2.6)}
	for _, o := range c.on[k] {
		if o.truth.Class == "speed_bump" {
			slowly := d.between(4, 6.5) * v.brisk
			if f, ok := o.field.(*ramp); ok && f.shape == cushion {
				slowly *= 1.35
			}
			p.slows = append(p.slows, slow{o.along, slowly})
		}
		if o.truth.Class == "rail" && d.chance(0.5) {
			p.slows = append(p.slows, slow{o.along, cruise * d.between(0.6, 0.9)})
		}
	}
	if d.chance(0.06) {
		p.slows = append(p.slows, slow{d.between(5, r.length), d.between(0.6, 5)}) // a pedestrian, a queue
	}
	m.pace, m.k, m.along, m.right = p, k, 0, v.line+0.22*d.NormFloat64()
	m.felt = make([][]float64, len(v.phones))
	return out
}

func bell(x float64) float64 { return math.Exp(-x * x) }
