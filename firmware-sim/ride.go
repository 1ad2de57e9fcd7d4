package firmwaresim

import (
	"math"
	"math/rand/v2"

	"github.com/streetpulse/streetpulse/firmware-sim/zpeak"
)

// shock is what comes from inside the car: a blow to the phone, or braking.
type shock struct {
	up, along float64 // g, for 30 ms: a blow to the phone
	brakeG    float64 // deceleration after leadS
	brakeS    float64 // for so long; it ends with a jerk
}

const blowS = 0.03

// at is the shock t seconds into a ride, m/s²: a blow, and the car's deceleration.
func (s *shock) at(t float64) (up, along, brake float64) {
	if t < leadS {
		return 0, 0, 0
	}
	if t < leadS+blowS {
		up, along = s.up*zpeak.Gravity, s.along*zpeak.Gravity
	}
	if t < leadS+s.brakeS {
		brake = -s.brakeG * zpeak.Gravity * math.Min(1, (t-leadS)/0.12)
	}
	return up, along, brake
}

// resonance is a damped oscillator that follows what shakes it.
type resonance struct {
	omega, damping float64 // rad/s, share of critical
	felt, feltV    float64
}

func (q *resonance) step(push float64) float64 {
	q.feltV += (q.omega*q.omega*(push-q.felt) - 2*q.damping*q.omega*q.feltV) * stepS
	q.felt += q.feltV * stepS
	return q.felt
}

// carry is what a spring and a damper pass on of what shakes them.
func (q *resonance) carry(push float64) float64 { return q.step(push) + 2*q.damping/q.omega*q.feltV }

// ride lets a phone be shaken and runs its detector on what its sensor gives. It returns the first jolt, with its time
// counted from the beginning. d is set to what the phone knows at the beginning; the jolt's waveform is valid until d is used again.
func ride(d *zpeak.Detector, s shaker, p *phone, speed float64, blow shock, r *rand.Rand) (zpeak.Jolt, bool) {
	m, a := &p.mount, &p.app
	*d = *zpeak.New(a.detector)
	upright := m.axis
	level := perpendicular(upright)
	d.Settle(upright[0]*zpeak.Gravity, upright[1]*zpeak.Gravity, upright[2]*zpeak.Gravity, 0)
	known := speed
	if a.carelessly {
		known = math.NaN()
	}
	sin, cos := math.Sincos(p.mount.tilt)
	holder := resonance{omega: 2 * math.Pi * m.hz, damping: m.damping}
	knocked := resonance{omega: 4 * math.Pi * math.Min(m.hz, 30), damping: 0.12}
	pushed := knocked
	pass := 1.0
	if a.lowPassHz > 0 {
		pass = 1 - math.Exp(-2*math.Pi*a.lowPassHz*stepS)
	}
	struck := blow != (shock{})
	hum := 2 * math.Pi * r.Float64()
	var smoothUp, smoothAlong float64
	next := settleS
	quiet := leadS + latestS + 0.02
	for t := 0.0; t < leadS+tailS; t += stepS {
		up, along := s.step()
		felt := m.gain * holder.carry(up)
		if struck {
			blowUp, blowAlong, brake := blow.at(t)
			felt += knocked.step(blowUp)
			along += pushed.step(blowAlong) + brake
		}
		smoothUp += pass * (felt - smoothUp)
		smoothAlong += pass * (along - smoothAlong)
		if t < next {
			continue
		}
		next += (1 + m.jitter*r.NormFloat64()) / m.rate
		shown := smoothUp + m.hum*zpeak.Gravity*math.Sin(2*math.Pi*m.humHz*t+hum)
		if m.rattle > 0 && math.Abs(felt) > 1.5 {
			shown += m.rattle * math.Abs(felt) * r.NormFloat64()
		}
		z := zpeak.Gravity*(1+m.noise*r.NormFloat64()) + shown*cos + smoothAlong*sin
		x := smoothAlong*cos - shown*sin
		if q := a.quantumG * zpeak.Gravity; q > 0 {
			z, x = math.Round(z/q)*q, math.Round(x/q)*q
		}
		if jolt, ok := d.Add(t, z*upright[0]+x*level[0], z*upright[1]+x*level[1], z*upright[2]+x*level[2], known); ok {
			return jolt, true
		}
		if t > quiet && !d.Recording() {
			break
		}
	}
	return zpeak.Jolt{}, false
}

// Seconds before and after leadS in which a trigger belongs to what lies there.
const earliestS, latestS = 0.4, 1.2

// ours says whether a jolt belongs to what lies at leadS.
func ours(j zpeak.Jolt) bool { return j.At >= leadS-earliestS && j.At <= leadS+latestS }

// perpendicular is a direction across another one.
func perpendicular(a [3]float64) [3]float64 {
	size := math.Hypot(a[0], a[2])
	return [3]float64{a[2] / size, 0, -a[0] / size}
}
