package elsewhere

import (
	"math"
	"math/rand/v2"
)

const (
	dt   = 1. / 400 // s, of integration
	lead = 0.85     // s of road before the front wheels meet what there is
	tail = 1.55     // s after the rear wheels have left it
	g    = 9.80665  // m/s²
)

// axle is one end of a car, by one wheel: a body on a spring and a damper on a wheel on a tyre.
type axle struct {
	sprung, unsprung float64 // kg
	weight           float64 // N
	spring, tyre     float64 // N/m
	bump, back       float64 // N s/m, of the damper as the wheel rises and falls
	knee             float64 // m/s where the damper gives half of what a linear one would
	travel           float64 // m to the stops
}

// car is a vehicle.
type car struct {
	front, rear axle
	base        float64 // wheelbase, m
	tyre        tandem
	shell       float64 // Hz of the body's first bending
	leak        float64 // share of the wheels' shaking that the structure carries
}

func newCar(r *rand.Rand) car {
	heavy, firm := 0.8+0.6*r.Float64(), 0.85+0.4*r.Float64()
	end := func(share, hz float64) axle {
		a := axle{sprung: 330 * heavy * share, unsprung: 34 + 14*r.Float64(), tyre: (165 + 60*r.Float64()) * 1e3, knee: 0.7 + r.Float64(), travel: 0.06 + 0.03*r.Float64()}
		a.spring = a.sprung * square(2*math.Pi*hz*math.Sqrt(firm))
		critical := 2 * math.Sqrt(a.spring*a.sprung)
		a.bump, a.back = (0.18+0.1*r.Float64())*critical, (0.34+0.16*r.Float64())*critical
		a.weight = g * (a.sprung + a.unsprung)
		return a
	}
	return car{front: end(1.1, 1.15), rear: end(0.9, 1.35), base: 2.35 + 0.75*r.Float64(), tyre: newTandem(0.29 + 0.06*r.Float64()),
		shell: 17 + 11*r.Float64(), leak: 0.01 + 0.02*r.Float64()}
}

// shaking is what a car's ends do, in m/s², dt apart.
type shaking struct {
	front, rear, wheels []float64
	path                []float64
}

// pavement is the rise and fall of a usual road, step apart; it repeats.
type pavement []float64

func newPavement(r *rand.Rand) pavement {
	p := make(pavement, 1<<15)
	slow, fast := 0.0, 0.0
	for i := range p { // long waves, and texture that tyres smooth
		slow = 0.9995*slow + 0.00022*r.NormFloat64()
		fast = 0.8*fast + 0.00016*r.NormFloat64()
		p[i] = slow + fast
	}
	const seam = 512
	for i := range seam {
		t := float64(i) / seam
		p[len(p)-seam+i] = (1-t)*p[len(p)-seam+i] + t*p[0]
	}
	return p
}

func (p pavement) at(x float64) float64 {
	i := int(x)
	f := x - float64(i)
	a, b := p[i&(len(p)-1)], p[(i+1)&(len(p)-1)]
	return a + f*(b-a)
}

// ride shakes the car as it passes a shape, none where there is none, at a speed. One-sided shapes move the axle by less than they
// are high.
func (s *shaking) ride(v *car, shape []float64, scale float64, road pavement, rough, speed float64, r *rand.Rand) {
	s.path = s.path[:0]
	if len(shape) > 0 {
		s.path = v.tyre.over(s.path, shape, scale)
	}
	n := int((lead + tail + (v.base+step*float64(len(s.path)))/speed) / dt)
	start := float64(r.IntN(len(road)))
	front, rear := end{axle: v.front, y: -lead * speed / step, x: start}, end{axle: v.rear, y: -(lead*speed + v.base) / step, x: max(0, start-v.base/step)}
	front.settle(rough * road.at(front.x))
	rear.settle(rough * road.at(rear.x))
	s.front, s.rear, s.wheels = s.front[:0], s.rear[:0], s.wheels[:0]
	for perStep := speed * dt / step; n > 0; n-- {
		a, w := front.move(s.path, road, rough, perStep)
		b, u := rear.move(s.path, road, rough, perStep)
		s.front, s.rear, s.wheels = append(s.front, a), append(s.rear, b), append(s.wheels, v.leak*(w+u))
	}
}

// end is an axle in motion: the heights above rest and the speeds of its body and its wheel, and where it is on the pavement and on
// the path over a shape, in steps.
type end struct {
	axle
	body, wheel, bodySpeed, wheelSpeed float64
	x, y                               float64
}

func (e *end) settle(height float64) { e.body, e.wheel = height, height }

// move integrates the motion for dt (semi-implicit Euler), and returns the accelerations of the body and of the wheel.
func (e *end) move(path []float64, road pavement, rough, perStep float64) (body, wheel float64) {
	h := rough * road.at(e.x)
	if i := int(e.y); e.y >= 0 && i < len(path)-1 {
		h += path[i] + (e.y-float64(i))*(path[i+1]-path[i])
	}
	e.x += perStep
	e.y += perStep
	squeeze, rate := e.wheel-e.body, e.wheelSpeed-e.bodySpeed
	c := e.back
	if rate > 0 {
		c = e.bump
	}
	force := e.spring*squeeze + c*rate*e.knee/(e.knee+math.Abs(rate))
	if over := math.Abs(squeeze) - e.travel; over > 0 {
		force += math.Copysign(over*(3+200*over)*e.spring, squeeze)
	}
	tyre := max(-e.weight, e.tyre*(h-e.wheel))
	body, wheel = force/e.sprung, (tyre-force)/e.unsprung
	e.bodySpeed += dt * body
	e.wheelSpeed += dt * wheel
	e.body += dt * e.bodySpeed
	e.wheel += dt * e.wheelSpeed
	return body, wheel
}
