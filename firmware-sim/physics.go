package firmwaresim

import (
	"math"
	"math/rand/v2"

	"github.com/streetpulse/streetpulse/firmware-sim/detector"
)

// Steps of the simulation.
const (
	stepM = 0.02  // of a road profile, metres
	stepS = 0.001 // of the suspension, seconds
)

// vehicle is a car's suspension: one quarter-car an axle. Parameters are ratios to the sprung mass, about those of the
// International Roughness Index's "golden car" (Sayers 1995), varied from car to car.
type vehicle struct {
	tyre, spring, damper, unsprung float64 // 1/s², 1/s², 1/s, share of the sprung mass
	wheelbase, contact, front      float64 // m, m, share of the front axle's motion at the phone
}

func newVehicle(r *rand.Rand) vehicle {
	v := func(mean, spread float64) float64 { return mean * math.Exp(spread*r.NormFloat64()) }
	return vehicle{tyre: v(653, 0.12), spring: v(63.3, 0.15), damper: v(6, 0.2), unsprung: v(0.15, 0.12),
		wheelbase: 2.4 + 0.5*r.Float64(), contact: v(0.13, 0.1), front: 0.5 + 0.3*r.Float64()}
}

// mount is how a phone is held: a damped resonance, and its sensor.
type mount struct {
	hz, damping, gain float64
	rate, jitter      float64 // Hz, share of the interval
	noise             float64 // g
	axis              [3]float64
}

func newMount(r *rand.Rand) mount {
	m := mount{hz: 9 + 22*r.Float64(), damping: 0.15 + 0.4*r.Float64(), gain: math.Exp(0.2 * r.NormFloat64()),
		rate: []float64{20, 25, 50, 50, 50, 100, 100, 100, 200}[r.IntN(9)], jitter: 0.1 * r.Float64(), noise: 0.008 + 0.02*r.Float64()}
	x, y, z := r.NormFloat64(), r.NormFloat64(), 1.5+math.Abs(r.NormFloat64())
	size := math.Sqrt(x*x + y*y + z*z)
	m.axis = [3]float64{x / size, y / size, z / size}
	return m
}

// roughness is a long piece of road without defects: random heights with the spectrum of ISO 8608, Gd(n) = Gd(n0) (n/n0)^-2
// at n0 = 0.1 cycles/m, of geometric mean gd in 1e-6 m³ (A: 16, B: 64, C: 256).
func roughness(r *rand.Rand, gd float64, lengthM float64) []float64 {
	heights := make([]float64, int(lengthM/stepM))
	for n := 0.05; n < 4; n *= 1.25 {
		width := n * 0.22
		amplitude := math.Sqrt(2 * gd * 1e-6 * math.Pow(n/0.1, -2) * width)
		phase, turn := r.Float64()*2*math.Pi, 2*math.Pi*n*stepM
		for i := range heights {
			heights[i] += amplitude * math.Sin(turn*float64(i)+phase)
		}
	}
	return heights
}

// stamp adds an object's shape to a profile, its near edge at index at.
func (o *Object) stamp(profile []float64, at int, r *rand.Rand, grown float64) {
	put := func(fromM, toM float64, height func(share float64) float64) {
		from, to := at+int(fromM/stepM), at+int(toM/stepM)
		for i := max(from, 0); i < min(to, len(profile)); i++ {
			profile[i] += height(float64(i-from) / float64(max(1, to-from)))
		}
	}
	switch o.Class {
	case "pothole": // a hole with a ragged floor and a broken edge
		depth := o.SizeM * grown
		ragged := [4]float64{r.NormFloat64(), r.NormFloat64(), r.NormFloat64(), r.NormFloat64()}
		put(0, o.LengthM, func(s float64) float64 {
			edge := math.Min(1, math.Min(s, 1-s)*8)
			return -depth * edge * (1 + 0.15*ragged[int(s*3.99)])
		})
	case "casting": // a round lid, sunken or proud
		put(0, 0.6, func(s float64) float64 { return o.SizeM * math.Min(1, math.Min(s, 1-s)*12) })
	case "joint": // a gap with a step
		put(0, o.LengthM, func(float64) float64 { return -o.SizeM })
		put(o.LengthM, o.LengthM+1.2, func(s float64) float64 { return o.SizeM * 0.6 * (1 - s) })
	case "rail": // two rails, standard gauge: the surface has sunk on both sides of each
		for _, x := range []float64{0, 1.435} {
			put(x, x+0.3, func(float64) float64 { return -o.SizeM })
			put(x+0.37, x+0.6, func(float64) float64 { return -o.SizeM * 0.7 })
		}
	case "speed_bump":
		put(0, o.LengthM, func(s float64) float64 { return o.SizeM * math.Sin(math.Pi*s) })
	}
}

// smooth is the tyre's contact patch: a moving average.
func smooth(profile []float64, contactM float64) []float64 {
	half := max(1, int(contactM/stepM/2))
	sums := make([]float64, len(profile)+1)
	for i, h := range profile {
		sums[i+1] = sums[i] + h
	}
	out := make([]float64, len(profile))
	for i := range profile {
		from, to := max(0, i-half), min(len(profile), i+half+1)
		out[i] = (sums[to] - sums[from]) / float64(to-from)
	}
	return out
}

// axle is one quarter-car's motion.
type axle struct{ body, bodyV, wheel, wheelV float64 }

// step moves the axle on by stepS over a road of the given height and returns the body's acceleration, m/s².
func (a *axle) step(v *vehicle, road float64) float64 {
	force := v.spring*(a.wheel-a.body) + v.damper*(a.wheelV-a.bodyV)
	a.bodyV += force * stepS
	a.wheelV += (v.tyre*(road-a.wheel) - force) / v.unsprung * stepS
	a.body += a.bodyV * stepS
	a.wheel += a.wheelV * stepS
	return force
}

// The window of a ride: seconds before and after the front axle meets what lies at its middle.
const leadS, tailS = 1.6, 2.2

// ride drives over a profile at speed m/s and runs the phone's detector on what its sensor gives. knock, in g, is added as a
// blow to the phone itself. It returns the first jolt, with its time counted from the moment the front axle is at leadS.
func ride(profile []float64, speed float64, v *vehicle, m *mount, knock float64, r *rand.Rand) (detector.Jolt, bool) {
	road := smooth(profile, v.contact)
	front, rear := axle{}, axle{}
	d := detector.New(detector.Standard())
	at := func(x float64) float64 {
		i := int(x / stepM)
		if i < 0 || i >= len(road) {
			return 0
		}
		return road[i]
	}
	front.body, rear.body = at(0), at(0)
	front.wheel, rear.wheel = at(0), at(0)
	omega := 2 * math.Pi * m.hz
	var felt, feltV, blow, blowV float64
	next := 0.0
	for t := 0.0; t < leadS+tailS; t += stepS {
		x := t*speed + v.wheelbase
		a := v.front*front.step(v, at(x)) + (1-v.front)*rear.step(v, at(x-v.wheelbase))
		feltV += (omega*omega*(a-felt) - 2*m.damping*omega*feltV) * stepS
		felt += feltV * stepS
		if knock != 0 && t >= leadS {
			push := 0.0
			if t < leadS+0.03 {
				push = knock * detector.Gravity
			}
			blowV += (omega*omega*4*(push-blow) - 0.5*omega*blowV) * stepS
			blow += blowV * stepS
		}
		if t < next {
			continue
		}
		next += (1 + m.jitter*r.NormFloat64()) / m.rate
		up := detector.Gravity*(1+m.noise*r.NormFloat64()) + m.gain*felt + blow
		if jolt, ok := d.Add(t, up*m.axis[0], up*m.axis[1], up*m.axis[2], speed); ok {
			return jolt, true
		}
	}
	return detector.Jolt{}, false
}
