package firmwaresim

import "math"

// What is felt without an object: the road's own roughness, and what happens within the car.

// shaken passes a stretch of cobbles or bad road: one or two jolts of the many are far enough above the rest.
func (o *outing) shaken(e *edge, p *Patch) {
	felt := false
	for along := p.along; along < p.along+p.LengthM-10; along += 15 + 25*o.r.Float64() {
		if o.r.Float64() < 0.6 {
			continue
		}
		m := o.at(math.Min(along, e.length))
		m.speed *= 0.7 + 0.3*o.r.Float64()
		rest := p.along + p.LengthM - along
		felt = o.feel(m, situation{roughM: rest, rough: p.rough}, Cause{Cause: p.id, Class: "nothing"}) || felt
	}
	if felt {
		p.felt = true
	} else if p.felt {
		o.answer(o.at(p.along+p.LengthM/2), p.id, 1)
	}
}

// knock is a blow to the phone, anywhere.
func (o *outing) knock(along float64) {
	s := shock{up: (0.5 + o.r.Float64()) * sign(o.r.NormFloat64()), along: 0.6 * o.r.NormFloat64()}
	o.feel(o.at(along), situation{shock: s}, Cause{Cause: "knock", Class: "nothing"})
}

// brake is hard braking before a junction: the phone slides or tips in its holder.
func (o *outing) brake(along float64) {
	m := o.at(along)
	m.speed *= 0.3 + 0.5*o.r.Float64()
	s := shock{up: 0.45 * o.r.NormFloat64(), along: -0.5 * o.r.Float64(), brakeG: 0.35 + 0.35*o.r.Float64(), brakeS: 0.5 + o.r.Float64()}
	o.feel(m, situation{shock: s}, Cause{Cause: "brake", Class: "nothing"})
}

// door is a door that falls shut, or a hand that takes the phone, at the end of the trip. Only careless apps report a
// standing car's jolts, or a driver opens the door before the car stands.
func (o *outing) door(end float64) {
	m := o.at(end - 2 - 6*o.r.Float64())
	m.speed = 2.5 * o.r.Float64()
	s := shock{up: (0.4 + 0.8*o.r.Float64()) * sign(o.r.NormFloat64()), along: 0.5 * o.r.NormFloat64()}
	o.feel(m, situation{shock: s}, Cause{Cause: "door", Class: "nothing"})
}

// fault is what an odd vehicle or a faulty unit reports where nothing is.
func (o *outing) fault(along float64) {
	m := o.at(along)
	s := shock{up: (0.5 + 0.6*o.r.Float64()) * sign(o.r.NormFloat64()+1)}
	if o.d.faultKind == "fleet" {
		m.speed *= 0.2 + 0.4*o.r.Float64()
		s.brakeG, s.brakeS = 0.3*o.r.Float64(), 0.4+0.6*o.r.Float64()
	}
	if !o.feel(m, situation{shock: s}, Cause{Cause: o.d.faultKind, Class: "nothing"}) {
		return
	}
	for _, inv := range o.c.invents[o.edge] {
		if inv.Adversary == o.d.faultKind && math.Abs(inv.along-along) < 1 {
			inv.felt = true
		}
	}
}

func sign(x float64) float64 { return math.Copysign(1, x) }
