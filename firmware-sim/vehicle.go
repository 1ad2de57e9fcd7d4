package firmwaresim

import (
	"math"
	"math/rand/v2"
)

// vehicleKind is what drives.
type vehicleKind int

const (
	smallCar vehicleKind = iota
	saloon
	van
	lorry // or bus
	twoWheeler
	vehicleKinds
)

// vehicle is how a car answers to the road. Suspension parameters are ratios to the sprung mass, for a car about those of the
// International Roughness Index's "golden car" (Sayers 1995), varied from one to the next.
type vehicle struct {
	tyre, spring, damper, unsprung float64 // 1/s², 1/s², 1/s, share of the sprung mass
	wheelbase, contact, front      float64 // m, m, share of the front axle's motion at the phone
	pace                           float64 // speed, times others'
	harsh                          float64 // share of a wheel's acceleration that comes through to the body as it is
	meets                          float64 // share of the objects in its lane that it meets, times others': a motorcycle goes round most

	// Only physics "half" knows these.
	weight  float64 // share of the weight on the front axle
	pitch   float64 // moment of inertia in pitch, times that of two masses above the axles
	track   float64 // m between left and right wheels; 0: one track
	seat    float64 // m by which the phone is right of the middle
	rebound float64 // damping while the wheel falls over damping while it rises
	travel  float64 // m until the bump stops

	// Only physics "pulse" knows these.
	hopHz, bodyHz float64 // of wheel and body
	ring          float64 // damping of the wheel's ringing, share of critical
	firm          float64 // amplitude, times others'
}

// newVehicle draws a vehicle of a kind.
func newVehicle(r *rand.Rand, kind vehicleKind) vehicle {
	vary := func(mean, spread float64) float64 { return mean * math.Exp(spread*r.NormFloat64()) }
	between := func(low, high float64) float64 { return low + (high-low)*r.Float64() }
	v := vehicle{tyre: vary(653, 0.12), spring: vary(63.3, 0.15), damper: vary(6, 0.2), unsprung: vary(0.15, 0.12),
		wheelbase: between(2.4, 2.9), contact: 0.13, front: between(0.5, 0.8), pace: 1, meets: 1,
		weight: between(0.5, 0.6), pitch: between(0.8, 1.1), track: between(1.42, 1.6), seat: between(-0.4, 0.4),
		harsh: 0.03 * r.Float64(), rebound: between(1.3, 2.5), travel: between(0.05, 0.09), ring: between(0.08, 0.3), firm: vary(1, 0.2)}
	switch kind {
	case smallCar:
		v.wheelbase, v.spring, v.track, v.travel = between(2.3, 2.55), v.spring*1.15, 1.42, v.travel*0.9
	case saloon:
		v.wheelbase = between(2.6, 2.9)
	case van:
		v.wheelbase, v.spring, v.tyre, v.front, v.firm = between(2.9, 3.6), v.spring*1.4, v.tyre*1.2, between(0.8, 1.05), v.firm*1.15
		v.pace = 0.96
	case lorry: // the driver or the unit sits at, or before, the front axle
		v.wheelbase, v.spring, v.tyre, v.unsprung = between(3.9, 6.2), v.spring*1.5, v.tyre*0.9, v.unsprung*1.1
		v.contact, v.front, v.pace, v.meets = 0.25, between(0.6, 1.15), between(0.72, 0.9), 1.1
		v.track, v.seat, v.firm = 2, between(-0.9, 0.9), v.firm*between(0.8, 1.3)
	case twoWheeler:
		v.wheelbase, v.spring, v.damper, v.unsprung = between(1.15, 1.4), v.spring*1.6, v.damper*1.4, v.unsprung*1.1
		v.contact, v.track, v.meets, v.front, v.firm = 0.08, 0, between(0.15, 0.4), between(0.4, 0.9), v.firm*1.2
	default: // no other
	}
	v.hopHz = math.Sqrt((v.tyre+v.spring)/v.unsprung) / 2 / math.Pi
	v.bodyHz = math.Sqrt(v.spring) / 2 / math.Pi
	return v
}

// mount is how a phone is held: a damped resonance, and its sensor.
type mount struct {
	hz, damping, gain float64
	tilt              float64    // rad by which the app errs about which way is up
	rattle            float64    // g of random blows for each g that it is shaken
	rate, jitter      float64    // Hz, share of the interval
	noise             float64    // g
	hum, humHz        float64    // g and Hz of the engine
	axis              [3]float64 // gravity in the phone's axes
	fumbled           float64    // knocks, times others'
}

// mountKind is where the phone is.
type mountKind int

const (
	windscreen mountKind = iota
	dashboard
	cupHolder
	pocket
	loose
	mountKinds
)

// newMount draws a mount of a kind. The sensor's rate is the app's to choose.
func newMount(r *rand.Rand, kind mountKind) mount {
	between := func(low, high float64) float64 { return low + (high-low)*r.Float64() }
	m := mount{hz: between(9, 31), damping: between(0.15, 0.55), gain: math.Exp(0.2 * r.NormFloat64()), fumbled: 1,
		jitter: 0.1 * r.Float64(), noise: between(0.008, 0.028), hum: 0.02 * r.Float64() * r.Float64(), humHz: between(13, 45)}
	switch kind {
	case dashboard:
		m.hz, m.damping = between(18, 40), between(0.3, 0.7)
	case cupHolder:
		m.hz, m.damping, m.gain = between(5, 11), between(0.1, 0.3), m.gain*between(0.55, 0.85)
	case pocket:
		m.hz, m.damping, m.gain, m.fumbled = between(4, 9), between(0.6, 1), m.gain*between(0.5, 0.8), 2
	case loose:
		m.rattle, m.fumbled = between(0.1, 0.4), 4
	default: // behind the windscreen: as drawn
	}
	x, y, z := r.NormFloat64(), r.NormFloat64(), 1.5+math.Abs(r.NormFloat64())
	size := math.Sqrt(x*x + y*y + z*z)
	m.axis = [3]float64{x / size, y / size, z / size}
	return m
}
