package firmwaresim

import (
	"math"
	"math/rand/v2"
)

// pulseStyle is a city's own way to put waveforms together. It follows no physics on purpose: what is learnt from it must not
// rest on the details of a suspension.
type pulseStyle struct {
	faster  float64 // a jolt grows with speed to this power
	hard    float64 // m/s² of a pothole of 5 cm at 10 m/s
	spread  float64 // standard deviation of a jolt's logarithm from pass to pass
	odd     float64 // share of passes whose first motion is the other way
	echo    float64 // the rear axle's jolt over the front axle's
	hopHz   float64 // of wheels, times the vehicle's own
	road    float64 // m/s² of a fair road at 10 m/s
	classes map[string][forms]pulseClass
}

// pulseClass is what is typical of a class: the share of the jolt in its first lobe, in the wheel's and in the body's ringing,
// times a pothole's of the same size, and how much of the ringing's frequency.
type pulseClass struct{ size, lobe, hop, body, pitch float64 }

func newPulseStyle(r *rand.Rand) pulseStyle {
	between := func(low, high float64) float64 { return low + (high-low)*r.Float64() }
	s := pulseStyle{faster: between(0.5, 1.5), hard: between(11, 18), spread: between(0.15, 0.3), odd: between(0.01, 0.06),
		echo: between(0.5, 1), hopHz: between(0.8, 1.25), road: between(0.2, 0.42), classes: map[string][forms]pulseClass{}}
	for _, c := range []struct {
		name                         string
		size, lobe, hop, body, pitch float64
	}{
		{"pothole", 1, 0.55, 1, 0.35, 1},
		{"casting", 1.2, 0.4, 0.9, 0.1, 1.4},
		{"joint", 1.2, 0.3, 0.9, 0.06, 1.7},
		{"rail", 1, 0.45, 0.8, 0.15, 1.3},
		{"speed_bump", 0.75, 0.9, 0.3, 0.8, 0.8},
	} {
		var made [forms]pulseClass
		for i := range made {
			vary := func(x float64) float64 { return x * math.Exp(0.25*r.NormFloat64()) }
			made[i] = pulseClass{vary(c.size), vary(c.lobe), vary(c.hop), vary(c.body), vary(c.pitch)}
		}
		s.classes[c.name] = made
	}
	return s
}

// lobe is half a sine wave; ring a damped oscillation. Both begin at a time, and are turned on by one complex factor a step.
type lobe struct{ from, to, size float64 }

type ring struct {
	from             float64
	re, im, cos, sin float64
}

func newRing(from, size, hz, damping float64) ring {
	omega := 2 * math.Pi * hz
	shrink := math.Exp(-damping * omega * stepS)
	return ring{from: from, re: size, cos: shrink * math.Cos(omega*stepS), sin: shrink * math.Sin(omega*stepS)}
}

// pulse shakes by templates: a first lobe and ringing for each axle and each part of the object, and a noise for the road.
type pulse struct {
	t     float64
	lobes []lobe
	rings []ring
	r     *rand.Rand

	grain, grainV  float64 // the road's noise: a resonance that random blows keep going
	hop, strength  float64 // rad/s, m/s²
	patch, patchTo float64 // s at which a rough patch begins and ends, m/s² in strength
	rough          float64
}

// newPulse makes what a vehicle feels that meets o at speed m/s with its front axle at leadS. grown is the share of a pothole's
// full depth. o may be nil.
func newPulse(s *pulseStyle, v *vehicle, o *Object, pavement int, speed, grown float64, r *rand.Rand) *pulse {
	p := &pulse{r: r, hop: 2 * math.Pi * v.hopHz * s.hopHz,
		strength: s.road * v.firm * [pavements]float64{0.5, 1, 1.8, 5}[pavement] * math.Pow(speed/10, 0.7)}
	if o == nil {
		return p
	}
	c := s.classes[o.Class][o.built.form]
	vary := func(spread float64) float64 { return math.Exp(spread * r.NormFloat64()) }
	size := s.hard * c.size * v.firm * math.Abs(o.SizeM) * grown / 0.05 * math.Pow(speed/10, s.faster) * vary(s.spread)
	first := -1.0
	switch o.Class {
	case "speed_bump":
		first = 1
	case "casting":
		first = math.Copysign(1, o.SizeM)
	case "joint", "rail":
		first = o.built.sign
	}
	if r.Float64() < s.odd {
		first = -first
	}
	length := math.Min(math.Max(o.LengthM/speed, 0.02), 0.5) * vary(0.2)
	if o.Class == "pothole" {
		length = math.Min(length, 0.14)
		size *= 1 - 0.3*o.ragged*r.Float64()
	}
	hz, damping := v.hopHz*s.hopHz*c.pitch*vary(0.12), math.Min(0.6, v.ring*vary(0.3))
	parts := []float64{0}
	if o.Class == "rail" {
		parts = []float64{0, gaugeM / speed}
	}
	for axle := range 2 {
		strength := size * v.front
		if axle == 1 {
			strength = size * s.echo * vary(0.15) * (1.3 - v.front)
		}
		for _, part := range parts {
			at := leadS + part + float64(axle)*v.wheelbase/speed
			p.lobes = append(p.lobes, lobe{at, at + length, first * c.lobe * strength})
			p.rings = append(p.rings, newRing(at+length, -first*c.hop*strength, hz, damping),
				newRing(at+length/2, first*c.body*strength, v.bodyHz*vary(0.15)*(1+0.5*c.pitch), 0.3))
			if o.ragged > 0.3 && r.Float64() < o.ragged { // a further edge within the hole
				p.rings = append(p.rings, newRing(at+length*r.Float64(), 0.5*strength*r.NormFloat64(), hz*(1+r.Float64()), damping))
			}
		}
	}
	return p
}

func (p *pulse) step() (up, along float64) {
	p.t += stepS
	for i := range p.lobes {
		if l := &p.lobes[i]; p.t >= l.from && p.t < l.to {
			up += l.size * math.Sin(math.Pi*(p.t-l.from)/(l.to-l.from))
		}
	}
	for i := range p.rings {
		if q := &p.rings[i]; p.t >= q.from {
			q.re, q.im = q.re*q.cos-q.im*q.sin, q.re*q.sin+q.im*q.cos
			up += q.im
		}
	}
	along = pushedBack * up
	strength := p.strength
	if p.t >= p.patch && p.t < p.patchTo {
		strength += p.rough
	}
	// Random blows of this size keep a resonance of damping 0.25 at a root mean square of 1.
	const damping = 0.25
	p.grainV += (-p.hop*p.hop*p.grain-2*damping*p.hop*p.grainV)*stepS + math.Sqrt(4*damping*p.hop*stepS)*p.hop*p.r.NormFloat64()
	p.grain += p.grainV * stepS
	return up + strength*p.grain, along
}
