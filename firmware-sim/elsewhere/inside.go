package elsewhere

import (
	"math"

	firmwaresim "github.com/streetpulse/streetpulse/firmware-sim"
)

// inside lets happen to a phone what happens within the car: somebody takes it, something falls, the driver brakes hard.
func (j *journey) inside(p *listening) {
	s := &j.c.net.streets[j.lane/2]
	const usual = 4500 // m, of a trip
	if p.r.Float64() < p.knocks*s.length/usual {
		along := s.length * p.r.Float64()
		j.disturb(p, along, j.speed(along), p.knock, firmwaresim.Cause{Cause: "knock", Class: "nothing"})
	}
	if j.cruise-j.out > 4 && p.r.Float64() < 8*j.c.ch.brakes {
		along := max(0, s.length-4-12*p.r.Float64())
		j.disturb(p, along, j.speed(along), p.brake, firmwaresim.Cause{Cause: "brake", Class: "nothing"})
	}
}

// disturb shakes the phone itself, on a level road, by so much at times since the disturbance began.
func (j *journey) disturb(p *listening, along, speed float64, shock func() func(t float64) float64, why firmwaresim.Cause) {
	if found, ok := p.disturbed(j.c, &j.d.car, speed, shock(), j.c.net.streets[j.lane/2].rough); ok {
		j.feel(p, found, along, speed, why)
	}
}

// disturbed is what the app makes of a shock to the phone, in m/s².
func (p *phone) disturbed(c *City, v *car, speed float64, shock func(t float64) float64, rough float64) (jolt, bool) {
	s := &c.shaking
	s.ride(v, nil, 1, c.road, rough, speed, p.r)
	for i := range s.front {
		if t := float64(i)*dt - lead; t > 0 {
			x := shock(t)
			s.front[i] += x
			s.rear[i] += x
		}
	}
	return p.listen(s, 0)
}

// knock is a hand, a fall, or something else that hits the phone: a few strokes that ring out.
func (p *phone) knock() func(t float64) float64 {
	r := p.r
	type stroke struct{ at, size, hz, fades float64 }
	var strokes []stroke
	at := 0.0
	for range 1 + r.IntN(5) {
		strokes = append(strokes, stroke{at, 3 * math.Exp(0.5*r.NormFloat64()) * math.Copysign(1, r.Float64()-0.5), 2 + 28*square(r.Float64()), 4 + 20*r.Float64()})
		at += 0.04 + 0.35*r.ExpFloat64()
	}
	return func(t float64) float64 {
		x := 0.0
		for _, s := range strokes {
			if u := t - s.at; u > 0 && u < 1 {
				x += s.size * math.Exp(-s.fades*u) * math.Cos(2*math.Pi*s.hz*u)
			}
		}
		return x
	}
}

// brake is a hard stop: the car dives, and what is loose slides.
func (p *phone) brake() func(t float64) float64 {
	r := p.r
	dive, lasts, slide := 2+2.5*r.Float64(), 0.5+0.7*r.Float64(), 1.5*r.ExpFloat64()
	hz := 6 + 10*r.Float64()
	return func(t float64) float64 {
		x := -dive * math.Exp(-2*t) * math.Sin(2*math.Pi*t/lasts)
		return x + slide*math.Exp(-6*t)*math.Sin(2*math.Pi*hz*t)
	}
}
