package firmwaresim

import "math"

// stepS is the step of the simulation, seconds. A wheel hops at 10 to 14 Hz and a holder rings at up to 40 Hz, which it
// follows with the symplectic Euler method.
const stepS = 0.0025

// shaker shakes the phone's holder.
type shaker interface {
	// step moves on by stepS and returns the acceleration upwards, and forwards, m/s².
	step() (up, along float64)
}

// The window of a ride: seconds before and after the front axle meets what lies at its middle. The first ones settle the
// suspension and are not sensed.
const settleS, leadS, tailS = 0.25, 1.05, 2.2

// pushedBack is the share of the vertical acceleration that the body feels lengthwise when a wheel is thrown up, as the edge
// that throws it also pushes it back.
const pushedBack = -0.25

// axle is one quarter-car's motion.
type axle struct{ body, bodyV, wheel, wheelV float64 }

// step moves the axle on by stepS over a road of the given height and returns the acceleration of the body and of the wheel, m/s².
func (a *axle) step(v *vehicle, road float64) (body, wheel float64) {
	force := v.spring*(a.wheel-a.body) + v.damper*(a.wheelV-a.bodyV)
	a.bodyV += force * stepS
	wheel = (v.tyre*(road-a.wheel) - force) / v.unsprung
	a.wheelV += wheel * stepS
	a.body += a.bodyV * stepS
	a.wheel += a.wheelV * stepS
	return force, wheel
}

// quarterCar is a linear quarter-car under each axle; the body between them is a stiff beam.
type quarterCar struct {
	v           *vehicle
	road        *surface
	x, speed    float64 // m from the road's beginning, m/s
	front, rear axle
}

func newQuarterCar(v *vehicle, road *surface, speed float64) *quarterCar {
	q := &quarterCar{v: v, road: road, x: v.wheelbase, speed: speed}
	q.front.body, q.rear.body = road.height(q.x), road.height(0)
	q.front.wheel, q.rear.wheel = q.front.body, q.rear.body
	return q
}

func (q *quarterCar) step() (up, along float64) {
	front, frontWheel := q.front.step(q.v, q.road.height(q.x))
	rear, rearWheel := q.rear.step(q.v, q.road.height(q.x-q.v.wheelbase))
	q.x += q.speed * stepS
	up = q.v.front*(front+q.v.harsh*frontWheel) + (1-q.v.front)*(rear+q.v.harsh*rearWheel)
	return up, pushedBack * front
}

// halfCar is a body that heaves, pitches and, on two tracks, rolls on four wheels whose dampers are stiffer in rebound and
// yield in hard blows, whose springs end in bump stops, and whose tyres can leave the road. All is per sprung mass.
type halfCar struct {
	v             *vehicle
	tracks        [2]*surface // left, right
	x, speed      float64
	heave, heaveV float64
	pitch, pitchV float64 // rad, up at the front
	roll, rollV   float64 // rad, up at the right
	wheels        [4]halfWheel
	pitchInertia  float64 // m²
	rollInertia   float64
	phoneX        float64 // m before the centre of gravity
	soft, hard    float64 // damping while a wheel rises and falls, 1/s
}

// halfWheel is a wheel: where it is from the centre of gravity, the share of the sprung mass that it carries, and its motion.
type halfWheel struct {
	track         int
	ahead, right  float64
	carries       float64
	height, speed float64
}

func newHalfCar(v *vehicle, left, right *surface, speed float64) *halfCar {
	front, rear := v.wheelbase*(1-v.weight), v.wheelbase*v.weight
	h := &halfCar{v: v, tracks: [2]*surface{left, right}, x: v.wheelbase, speed: speed,
		pitchInertia: v.pitch * front * rear, rollInertia: 0.35 * math.Max(v.track, 1) * math.Max(v.track, 1) / 2,
		phoneX: v.front*v.wheelbase - rear, soft: v.damper / math.Sqrt(v.rebound), hard: v.damper * math.Sqrt(v.rebound)}
	for i := range h.wheels {
		w := halfWheel{track: i % 2, ahead: front, right: (float64(i%2) - 0.5) * v.track, carries: v.weight / 2}
		if i >= 2 {
			w.ahead, w.carries = -rear, (1-v.weight)/2
		}
		w.height = h.tracks[w.track].height(h.x + w.ahead - front)
		h.heave += w.carries * w.height
		h.wheels[i] = w
	}
	at := func(i int) float64 { return (h.wheels[i].height + h.wheels[i+1].height) / 2 }
	h.pitch = (at(0) - at(2)) / v.wheelbase
	return h
}

// What is not linear in a halfCar.
const (
	standing = 9.81 // m/s², a tyre's load at rest over the mass it carries: it can lose no more
	yields   = 1.5  // m/s at which a damper gives half of what a linear one would
)

func (h *halfCar) step() (up, along float64) {
	v := h.v
	var lift, turn, lean, front, harsh float64
	ahead := h.x - v.wheelbase*(1-v.weight)
	light := 1 / v.unsprung
	loosest := -standing * (1 + v.unsprung)
	for i := range h.wheels {
		w := &h.wheels[i]
		squeeze := w.height - (h.heave + w.ahead*h.pitch + w.right*h.roll)
		closing := w.speed - (h.heaveV + w.ahead*h.pitchV + w.right*h.rollV)
		force := v.spring * squeeze
		if closing < 0 {
			force += h.hard * closing * yields / (yields - closing)
		} else {
			force += h.soft * closing * yields / (yields + closing)
		}
		if over := math.Abs(squeeze) - v.travel; over > 0 {
			force += math.Copysign(v.spring*8*over*(1+over/0.01), squeeze)
		}
		tyre := v.tyre * (h.tracks[w.track].height(ahead+w.ahead) - w.height)
		if tyre < loosest {
			tyre = loosest
		}
		w.speed += (tyre - force) * light * stepS
		harsh += w.carries * (tyre - force) * light
		w.height += w.speed * stepS
		force *= w.carries
		lift += force
		turn += force * w.ahead
		lean += force * w.right
		if i < 2 {
			front += force / v.weight
		}
	}
	turn, lean = turn/h.pitchInertia, lean/h.rollInertia
	if v.track == 0 {
		lean = 0
	}
	h.heaveV, h.pitchV, h.rollV = h.heaveV+lift*stepS, h.pitchV+turn*stepS, h.rollV+lean*stepS
	h.heave, h.pitch, h.roll = h.heave+h.heaveV*stepS, h.pitch+h.pitchV*stepS, h.roll+h.rollV*stepS
	h.x += h.speed * stepS
	return lift + h.phoneX*turn + v.seat*lean + v.harsh*harsh, pushedBack * front
}
